"""What goes wrong on a GPU, and what becomes of the job then."""

import tempfile
from pathlib import Path

import pytest

from jobs.errors import EngineError
from jobs.rules import retries
from jobs.rules.retries import Again, GiveUp, Record
from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

import torch

from workers.engines.gpu import fitness, place, troubles
from workers.engines.gpu.plan import Equipment
from workers.infinitetalk.residency import PUBLISHED, Residency, TooLittleMemory, choose
from workers.infinitetalk.weights import layout
from workers.infinitetalk.weights.headers import WeightsError

GIB = 2**30
TROUBLES = {
    "out of memory": (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "out_of_memory"),
    "lost": (torch.AcceleratorError("CUDA error: unspecified launch failure"), "worker_unfit"),
    "its library": (RuntimeError("cuBLAS error: CUBLAS_STATUS_EXECUTION_FAILED"), "worker_unfit"),
    "bad weights": (WeightsError("/models/Wan2.1_VAE.pth is missing."), "worker_unfit"),
    "too little": (TooLittleMemory("The GPU has 9.0 GiB free"), "worker_unfit"),
}


def told(error: Exception) -> EngineError:
    with pytest.raises(EngineError) as caught, troubles.told("/models"):
        raise error
    return caught.value


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_its_word_and_none_ends_the_job_at_once(name: str) -> None:
    error, error_class = TROUBLES[name]
    found = told(error)
    record = Record(attempt=1, attempts_max=5)
    verdict = retries.after_error(found.error_class, record, permanent=found.permanent, chance=0.5)
    assert found.error_class == error_class
    assert isinstance(verdict, Again)
    assert verdict.smaller == (name == "out of memory")
    assert verdict.counts == (error_class != "worker_unfit")
    assert "/models" not in str(found)


def test_a_second_lack_of_memory_ends_the_job() -> None:
    record = Record(attempt=2, attempts_max=5, profile=1)
    found = told(torch.OutOfMemoryError("CUDA out of memory"))
    assert isinstance(retries.after_error(found.error_class, record, permanent=False, chance=0.5), GiveUp)


def test_too_little_memory_is_told_with_its_numbers() -> None:
    with pytest.raises(TooLittleMemory) as caught:
        choose(8 * 2**30, 32_760)
    sentence = str(told(caught.value))
    assert "8.0 GiB free" in sentence
    assert "GiB offloaded" in sentence


def test_memory_that_others_hold_is_waited_for_and_a_gpu_that_is_too_small_is_not(tiny_weights: Path) -> None:
    equipment = Equipment(str(tiny_weights))
    for variant in ("single", "fast"):
        assert place.least_of(equipment, variant, (2 * GIB, 2 * GIB)) is Residency.RESIDENT
        with pytest.raises(TooLittleMemory):
            place.least_of(equipment, variant, (GIB, 80 * GIB))
        with pytest.raises(EngineError, match=r"1\.0 GiB free") as caught:
            place.least_of(equipment, variant, (GIB, GIB))
        assert caught.value.error_class == "engine"


def test_a_gpu_without_room_for_the_smallest_job_is_unfit(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (GIB, 80 * GIB))
    equipment = Equipment(str(tiny_weights))
    with pytest.raises(TooLittleMemory):
        place.insist_on_room(equipment, ["single", "fast"])
    with place.turn("cuda", lambda *_: None):
        place.insist_on_room(equipment, ["single"])  # what is taken is ours


def test_a_fault_of_ours_is_none_of_the_gpus() -> None:
    with pytest.raises(RuntimeError, match="shapes"), troubles.told("/models"):
        raise RuntimeError("shapes cannot be multiplied")


def test_after_a_lack_of_memory_the_next_smaller_way_is_taken() -> None:
    assert place.after(Residency.RESIDENT, 0) is Residency.RESIDENT
    assert place.after(Residency.RESIDENT, 1) is Residency.EIGHT_BIT
    with pytest.raises(EngineError, match="no smaller way") as caught:
        place.after(Residency.OFFLOADED, 1)
    assert (caught.value.error_class, caught.value.permanent) == ("out_of_memory", True)


def test_files_are_weighed_by_their_headers(tiny_weights: Path) -> None:
    weights = place.weigh(layout.find(tiny_weights, "multi"))
    assert weights.blocks == 2 * weights.block > 0
    assert min(vars(weights).values()) > 0
    assert max(vars(weights).values()) < PUBLISHED.audio_encoder


def test_a_machine_says_what_it_can_render(tiny_weights: Path, tmp_path: Path) -> None:
    assert "weights for single, multi, fast" in fitness.check({"weights": str(tiny_weights), "device": "cpu"})
    for path in tiny_weights.iterdir():
        if path.name != "SoulX-FlashTalk-14B":
            (tmp_path / path.name).symlink_to(path)
    sentence = fitness.check({"weights": str(tmp_path), "device": "cpu"})
    assert sentence.endswith("weights for single, multi; none for fast")


def test_a_machine_without_weights_or_gpu_is_unfit_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no audio encoder"):
        fitness.check({"weights": str(tmp_path), "device": "cpu"})
    if not torch.cuda.is_available():
        with pytest.raises(EngineError, match="finds no CUDA here"):
            fitness.check({"weights": str(tmp_path), "device": "cuda"})
