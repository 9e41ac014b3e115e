"""Whole jobs on tiny weights: what a GPU does with a model, done by a CPU with noise; through real processes."""

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import httpx
import numpy as np
import numpy.typing as npt
import pytest

from cli import processes
from jobs.rules import keys
from jobs.storage import keys_below
from tests.conftest import Member
from tests.factories_media import people_png, voice_samples, wav_of
from tests.story.house import PATIENT, House, house, wait_for
from tests.workers.infinitetalk import tiny_weights

pytestmark = pytest.mark.story

SECONDS, FRAMES, CHUNKS = 1.0, 25, 5
LEFT, RIGHT = voice_samples(SECONDS, 120), voice_samples(SECONDS / 2, 210)
PATIENCE_SECONDS = 300.0


@dataclass(frozen=True)
class Film:
    frames: npt.NDArray[np.uint8]
    sound: npt.NDArray[np.float32]


@pytest.fixture
def gpu_house(database: dict[str, str], bucket: str, member: Member, tmp_path: Path, weights: Path) -> Iterator[House]:
    """A house whose workers run the model, each alone at it."""
    equipped = {
        "DUOLOGUE_ENGINES": "gpu",
        "DUOLOGUE_GPU_WEIGHTS": str(weights),
        "DUOLOGUE_GPU_DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
    }
    with house(database, tmp_path, member.key, **PATIENT, **equipped) as built:
        built.set_clock()
        built.open_door()
        yield built


@pytest.fixture(scope="module", name="weights")
def _weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_weights.written(tmp_path_factory.mktemp("weights"))


def hire(built: House, name: str) -> None:
    built.start(name, processes.worker(["gpu"], 1, drain_seconds=30))


def order(built: House) -> str:
    inputs = {
        "image": built.upload(people_png(360, 240), "two.png"),
        "left_audio": built.upload(wav_of(LEFT), "left.wav"),
        "right_audio": built.upload(wav_of(RIGHT), "right.wav"),
        "seed": 20,
    }
    # More steps than needed: so the third chunk's end is seen long before the fifth's.
    return built.submit(inputs, engine="gpu", knobs={"steps": 8, "text_scale": 1})


def film_of(built: House, job_id: str) -> Film:
    seen: list[str] = []
    wait_for(lambda: is_final(built, job_id, seen), f"{job_id} is final", PATIENCE_SECONDS)
    job = built.job(job_id)
    assert job["status"] == "completed", job
    assert (job["output"]["width"], job["output"]["height"], job["output"]["frames"]) == (48, 32, FRAMES)
    assert job["moderation"] == "none"
    content = httpx.get(job["output"]["link"]).raise_for_status().content
    with av.open(io.BytesIO(content), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(io.BytesIO(content), "r") as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return Film(np.stack(frames).astype(np.uint8), sound.astype(np.float32))


def is_final(built: House, job_id: str, stages: list[str]) -> bool:
    """Look once more; what a second attempt is at is noted, not what the row still says of the first."""
    job = built.job(job_id)
    if job["attempts"] > 1:
        stages.append(job["stage"])
    return job["status"] in {"completed", "failed", "cancelled"}


def kept(member: Member, job_id: str) -> list[str]:
    return [key for key in keys_below(keys.job(member.caller.account_id, uuid.UUID(job_id))) if keys.is_kept(key)]


def test_a_job_killed_after_its_third_chunk_goes_on_elsewhere_and_equals_one_left_alone(
    gpu_house: House, member: Member
) -> None:
    hire(gpu_house, "worker")
    whole = film_of(gpu_house, order(gpu_house))
    assert len(whole.frames) == FRAMES
    assert len(whole.sound) >= FRAMES * 1920
    spoken = LEFT.astype(np.float64)
    spoken[: len(RIGHT)] += RIGHT
    assert np.corrcoef(whole.sound[: len(spoken)], spoken)[0, 1] > 0.98

    job_id = order(gpu_house)
    third = "/3/chunk-0002.mp4"
    wait_for(
        lambda: any(key.endswith(third) for key in kept(member, job_id)), "three chunks are kept", PATIENCE_SECONDS
    )
    gpu_house.kill("worker")
    assert not any(f"chunk-000{CHUNKS - 1}" in key for key in kept(member, job_id)), "it was too late to cut it off"
    hire(gpu_house, "another")
    stages: list[str] = []
    wait_for(lambda: is_final(gpu_house, job_id, stages), f"{job_id} is final", PATIENCE_SECONDS)
    again = film_of(gpu_house, job_id)

    assert gpu_house.job(job_id)["attempts"] == 2
    assert not {"chunk-1-of-5", "chunk-2-of-5"} & set(stages)
    assert (whole.frames == again.frames).all()
    assert (whole.sound == again.sound).all()
    assert kept(member, job_id) == []
