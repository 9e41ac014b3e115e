"""The engine that runs the model, on tiny weights: what it makes of an order, and how it goes on where it stopped."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from jobs.errors import EngineError
from tests.factories_media import people_png, voice_wav, write
from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)
pytest.importorskip("transformers", reason=rule.NEEDED)

from workers.engines.engine import Order, keep_nothing
from workers.engines.gpu import handover
from workers.engines.gpu.engine import GpuEngine

CHUNKS = 3
SECONDS = 0.65
"""17 frames: 9 of the first chunk, 4 of each other."""


class CutOff(Exception):
    """What ends a rendering in the middle here; a worker's death does elsewhere."""


class Shelf:
    """Takes what is handed over, as a worker does; ends the rendering after so many chunks."""

    def __init__(self, folder: Path, chunks: int = CHUNKS) -> None:
        self.folder, self._left = folder, chunks
        folder.mkdir()

    def keep(self, files: Mapping[str, Path]) -> None:
        for name, path in files.items():
            shutil.move(path, self.folder / name)
        self._left -= 1
        if not self._left:
            raise CutOff


def order(folder: Path, weights: Path, **changes: Any) -> Order:  # noqa: ANN401 - fields of an order
    folder.mkdir(exist_ok=True)
    plain: dict[str, Any] = {
        "model": "wavespeed-ai/infinitetalk/multi",
        "folder": folder,
        "voices": tuple(write(folder, f"{pitch}.wav", voice_wav(SECONDS, pitch)) for pitch in (120, 210)),
        "picture": write(folder, "picture.png", people_png(240, 160)),
        "seed": 11,
        "equipment": {"weights": str(weights), "device": "cpu"},
    }
    return Order(**(plain | changes))


def film(asked: Order, stages: list[str] | None = None) -> npt.NDArray[np.uint8]:
    told: list[str] = [] if stages is None else stages
    rendering = GpuEngine().render(asked, lambda stage, _: told.append(stage))
    with av.open(str(rendering.video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(np.uint8)


def test_a_rendering_that_was_cut_off_goes_on_and_ends_like_one_that_was_not(
    tmp_path: Path, tiny_weights: Path
) -> None:
    whole = film(order(tmp_path / "whole", tiny_weights))
    shelf = Shelf(tmp_path / "shelf", chunks=2)
    with pytest.raises(CutOff):
        GpuEngine().render(order(tmp_path / "cut-off", tiny_weights), lambda *_: None, shelf.keep)
    stages: list[str] = []
    again = film(order(tmp_path / "again", tiny_weights, kept=shelf.folder), stages)
    assert sorted(path.name for path in shelf.folder.glob("*.mp4")) == [f"chunk-000{n}.mp4" for n in range(CHUNKS)]
    assert [stage for stage in stages if stage.startswith("chunk")] == ["chunk-3-of-3"] * 2
    assert len(whole) == 16
    assert (whole == again).all()


def test_a_rendering_that_lacks_only_its_joining_loads_no_model(tmp_path: Path, tiny_weights: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    with pytest.raises(CutOff):
        GpuEngine().render(order(tmp_path / "cut-off", tiny_weights), lambda *_: None, shelf.keep)
    stages: list[str] = []
    assert len(film(order(tmp_path / "again", tiny_weights, kept=shelf.folder), stages)) == 16
    assert set(stages) == {"finishing"}


def test_chunks_of_a_video_that_was_made_otherwise_are_not_gone_on_from(tmp_path: Path, tiny_weights: Path) -> None:
    shelf = Shelf(tmp_path / "shelf", chunks=1)
    with pytest.raises(CutOff):
        GpuEngine().render(order(tmp_path / "cut-off", tiny_weights), lambda *_: None, shelf.keep)
    kept = (shelf.folder / handover.FACTS).read_text()
    (shelf.folder / handover.FACTS).write_text(kept.replace('"steps": 2', '"steps": 3'))
    stages: list[str] = []
    film(order(tmp_path / "again", tiny_weights, kept=shelf.folder), stages)
    assert "chunk-1-of-3" in stages


def test_knobs_reach_the_model(tmp_path: Path, tiny_weights: Path) -> None:
    knobs = {
        "steps": 1,
        "audio_scale": 1.0,
        "text_scale": 1.0,
        "boxes": [[0, 0, 80, 160], [160, 0, 240, 160]],
        "chunk_seeds": {"1": 5, "9": 6},
        "prompts": [{"from_seconds": 60.0, "prompt": "never"}],
    }
    stages: list[str] = []
    asked = order(tmp_path / "turned", tiny_weights, knobs=knobs)
    rendering = GpuEngine().render(asked, lambda stage, _: stages.append(stage))
    assert [stage for stage in stages if stage.startswith("chunk")] == [f"chunk-{n}-of-3" for n in (1, 2, 3)]
    assert "60 s on is not reached" in rendering.warnings[0]
    assert "seed of chunk 9 is not used" in rendering.warnings[1]


def test_a_box_beside_the_picture_is_refused(tmp_path: Path, tiny_weights: Path) -> None:
    asked = order(tmp_path / "a", tiny_weights, knobs={"boxes": [[0, 0, 80, 160], [240, 0, 300, 160]]})
    with pytest.raises(EngineError, match="240 x 160 pixels") as caught:
        film(asked)
    assert caught.value.permanent


@pytest.mark.parametrize("model", ["wavespeed-ai/infinitetalk-fast", "wavespeed-ai/infinitetalk"])
def test_one_speaker_is_rendered_with_the_weights_for_one_or_the_fast_ones(
    tmp_path: Path, tiny_weights: Path, model: str
) -> None:
    only = tmp_path / "only"
    kept = {"SoulX-FlashTalk-14B"} if "fast" in model else {"Wan2.1-I2V-14B-480P", "InfiniteTalk"}
    only.mkdir()
    for path in tiny_weights.iterdir():
        if path.name in kept | {"chinese-wav2vec2-base", "made-for.json"}:
            (only / path.name).symlink_to(path)
    voices = (write(tmp_path, "voice.wav", voice_wav(0.2, 120)),)
    assert len(film(order(tmp_path / "a", only, model=model, voices=voices))) == 5


@pytest.mark.parametrize(
    ("changes", "error_class", "words"),
    [
        ({"weights": ""}, "worker_unfit", "DUOLOGUE_GPU_WEIGHTS is not set"),
        ({"weights": "elsewhere"}, "worker_unfit", "folder of weights is no folder"),
        ({"preset": "few-steps"}, "worker_unfit", "needs a LoRA"),
    ],
)
def test_what_a_machine_lacks_is_not_the_jobs_fault(
    tmp_path: Path, tiny_weights: Path, changes: dict[str, str], error_class: str, words: str
) -> None:
    equipment = {"weights": str(tiny_weights), "device": "cpu", **changes}
    if equipment["weights"] == "elsewhere":
        equipment["weights"] = str(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match=words) as caught:
        GpuEngine().render(order(tmp_path / "a", tiny_weights, equipment=equipment), lambda *_: None, keep_nothing)
    assert (caught.value.error_class, caught.value.permanent) == (error_class, False)
    assert str(tmp_path) not in str(caught.value)
