from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)

import torch
from torch import Tensor

from workers.infinitetalk import film, soundtrack
from workers.infinitetalk.soundtrack import SAMPLE_RATE

SIZE = (64, 96)


@pytest.mark.parametrize("lengths", [(17, 8, 8, 1), (1, 1, 2), (5,), (81, 72, 3)])
def test_joined_segments_hold_every_frame_in_its_place(tmp_path: Path, lengths: tuple[int, ...]) -> None:
    frames = sum(lengths)
    pictures = _grey_steps(frames)
    segments = _segments(tmp_path, pictures, lengths)
    made = film.join(segments, soundtrack.mix([_tone(frames * 1920)], "meanwhile", frames), tmp_path / "film.mp4")

    shown, stamps, _ = _read(tmp_path / "film.mp4")
    wanted = ((pictures.mean(dim=(0, 2, 3)) + 1) * 127.5).numpy()
    assert made == frames == len(shown)
    assert stamps == [index / 25 for index in range(frames)]
    assert np.abs(np.array([picture.mean() for picture in shown]) - wanted).max() < 3


def test_a_segment_written_by_another_worker_joins_to_the_same_pictures(tmp_path: Path) -> None:
    pictures, lengths = _grey_steps(20), (9, 4, 7)
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    one = _segments(tmp_path / "one", pictures, lengths)
    other = _segments(tmp_path / "other", pictures, lengths)
    for name, chosen in {"whole.mp4": one, "resumed.mp4": [*one[:1], *other[1:]]}.items():
        film.join(chosen, soundtrack.mix([_tone(38_400)], "meanwhile", 20), tmp_path / name)

    assert (_read(tmp_path / "whole.mp4")[0] == _read(tmp_path / "resumed.mp4")[0]).all()


@pytest.mark.parametrize("samples", [20 * 1920, 20 * 1920 - 777, 20 * 1920 + 1500])
def test_the_sound_is_as_long_as_the_picture_to_the_sample(tmp_path: Path, samples: int) -> None:
    segments = _segments(tmp_path, _grey_steps(20), (20,))
    voice = _tone(samples)
    film.join(segments, soundtrack.mix([voice], "meanwhile", 20), tmp_path / "film.mp4")

    _, _, heard = _read(tmp_path / "film.mp4")
    wanted = np.zeros(20 * 1920)
    wanted[: min(samples, 20 * 1920)] = voice[: 20 * 1920] / 32768
    assert len(heard) == 20 * 1920
    assert np.abs(heard - wanted).mean() < 0.01
    delays = [np.dot(heard[100:20_000], wanted[100 + delay : 20_000 + delay]) for delay in range(-50, 51)]
    assert int(np.argmax(delays)) - 50 == 0


def test_a_segment_that_fails_half_way_leaves_nothing_open(tmp_path: Path) -> None:
    def fail() -> None:
        with film.Segment(tmp_path / "segment.mp4", 96, 64) as segment:
            segment.add(_grey_steps(2))
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def _segments(folder: Path, pictures: Tensor, lengths: tuple[int, ...]) -> list[Path]:
    paths, start = [], 0
    for index, length in enumerate(lengths):
        path = folder / f"segment{index}.mp4"
        with film.Segment(path, SIZE[1], SIZE[0]) as segment:
            segment.add(pictures[:, start : start + length])
        paths.append(path)
        start += length
    return paths


def _grey_steps(frames: int) -> Tensor:
    """Frames that can be told apart by their brightness, with something to see in each."""
    levels = torch.linspace(-0.6, 0.6, frames).view(1, -1, 1, 1)
    pattern = torch.linspace(-0.2, 0.2, SIZE[1]).expand(3, frames, *SIZE)
    return (pattern + levels).clamp(-1, 1)


def _tone(samples: int) -> npt.NDArray[np.int16]:
    """A tone that sweeps, so that a shift by one sample can be heard."""
    time = np.arange(samples) / SAMPLE_RATE
    return np.asarray(12_000 * np.sin(2 * np.pi * (200 + 400 * time) * time), np.int16)


def _read(path: Path) -> tuple[npt.NDArray[np.uint8], list[float], npt.NDArray[np.float64]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(track)])
        # The encoder fills its last block; how much of it is meant is said by the container.
        assert track.duration is not None
        assert track.time_base == Fraction(1, SAMPLE_RATE)
        assert len(heard) - track.duration < soundtrack.BLOCK_SAMPLES
        heard = heard[: track.duration]
    pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    return pictures.astype(np.uint8), [float(frame.time or 0) for frame in frames], heard.astype(np.float64)
