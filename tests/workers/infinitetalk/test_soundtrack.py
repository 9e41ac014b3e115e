import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from workers.infinitetalk import sound, soundtrack


def test_a_voice_alone_stays_as_it_came() -> None:
    voice = np.arange(-3840, 3840, dtype=np.int16)

    assert (_whole([voice], "meanwhile", 4) * 32768 == voice).all()


def test_the_right_speaker_begins_where_the_left_one_ends() -> None:
    left, right = np.full(1920, 100, np.int16), np.full(1920, 200, np.int16)

    assert (_whole([left, right], "left_right", 2) * 32768).tolist() == [100.0] * 1920 + [200.0] * 1920
    assert (_whole([left, right], "right_left", 2) * 32768).tolist() == [200.0] * 1920 + [100.0] * 1920


def test_voices_that_would_clip_together_are_lowered_together() -> None:
    voice = np.full(1920, 30_000, np.int16)
    quiet_end = np.concatenate([voice, voice // 2])
    mixed = _whole([quiet_end, quiet_end], "meanwhile", 2)

    assert mixed[0] == 1.0
    assert mixed[-1] == 0.5


def test_a_speaker_who_is_away_is_silent_for_as_long_as_the_other_speaks() -> None:
    mixed = _whole([None, np.full(1920, 100, np.int16)], "left_right", 2)

    assert not mixed[:1920].any()
    assert mixed[1920:].all()


@pytest.mark.parametrize("frames", [1, 3])
def test_the_sound_is_as_long_as_its_frames(frames: int) -> None:
    assert len(_whole([np.ones(3000, np.int16)], "meanwhile", frames)) == frames * 1920


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_track_is_read_at_the_rate_asked_for(tmp_path: Path, rate: int) -> None:
    path, time = tmp_path / "voice.wav", np.arange(48_000) / 48_000
    with wave.open(str(path), "wb") as track:
        track.setparams((1, 2, 48_000, 0, "NONE", ""))
        track.writeframes(np.asarray(10_000 * np.sin(2 * np.pi * 440 * time), "<i2").tobytes())
    samples = sound.as_floats(sound.read(path, rate))

    assert len(samples) == rate
    wanted = 10_000 / 32768 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    assert np.abs(samples[100:-100] - wanted[100:-100]).max() < 0.002


def _whole(voices: list[npt.NDArray[np.int16] | None], order: str, frames: int) -> npt.NDArray[np.float32]:
    return np.concatenate(list(soundtrack.mix(voices, order, frames)))  # type: ignore[arg-type]
