from pathlib import Path

import numpy as np
import pytest

from jobs.errors import EngineError
from tests.factories_media import silence_wav, voice_samples, voice_wav, wav_of, write
from workers.engines.engine import SpeakingOrder
from workers.engines.preview import soundtrack, timeline, voices
from workers.engines.preview.voices import Voice


def voice_of(samples: int) -> Voice:
    frames = -(-samples // 1920)
    return Voice(Path("nowhere"), samples, 1.0, np.ones(frames, np.float32), np.ones(frames, np.float32))


@pytest.mark.parametrize(
    ("order", "starts", "frames"),
    [("meanwhile", (0, 0), 50), ("left_right", (0, 48_000), 75), ("right_left", (96_000, 0), 75)],
)
def test_turns_are_taken_in_their_order(order: SpeakingOrder, starts: tuple[int, int], frames: int) -> None:
    line = timeline.lay_out([voice_of(48_000), voice_of(96_000)], order)
    assert tuple(turn.starts_at for turn in line.turns) == starts
    assert line.frames == frames
    assert line.samples == frames * 1920


def test_openings_stand_only_where_their_voice_speaks() -> None:
    line = timeline.lay_out([voice_of(48_000), voice_of(96_000)], "left_right")
    left, right = (turn.stretched(turn.voice.openings, line.frames) for turn in line.turns)
    assert left[:25].all()
    assert not left[25:].any()
    assert right[25:].all()
    assert not right[:25].any()


def test_nothing_to_say_is_refused() -> None:
    with pytest.raises(EngineError):
        timeline.lay_out([voice_of(1919)], "meanwhile")


@pytest.mark.parametrize("block", [1024, 1000, 48_000])
def test_the_mix_is_whole_whatever_the_block(tmp_path: Path, block: int) -> None:
    tracks = [voice_samples(1.01, 120), voice_samples(0.73, 210)]
    heard = [voices.listen(write(tmp_path, f"{number}.wav", wav_of(track))) for number, track in enumerate(tracks)]
    line = timeline.lay_out(heard, "right_left")
    mixed = np.concatenate(list(soundtrack.mix(line, block)))
    wanted = np.concatenate([tracks[1] * heard[1].gain, tracks[0] * heard[0].gain])[: line.samples] / 32768
    assert len(mixed) == line.samples
    assert mixed == pytest.approx(wanted, abs=1e-5)


def test_silence_has_gain_one_and_no_openings(tmp_path: Path) -> None:
    voice = voices.listen(write(tmp_path, "silence.wav", silence_wav(1)))
    assert voice.gain == 1
    assert voice.is_silent


def test_a_hiss_does_not_open_the_mouth_as_a_vowel_does(tmp_path: Path) -> None:
    vowel = voice_samples(1, 120)
    hiss = np.diff(np.random.default_rng(0).normal(0, 1, 48_001), n=1)
    for _ in range(3):
        hiss = np.diff(hiss, append=0.0)
    hiss = np.asarray(hiss / np.abs(hiss).max() * 12_000, np.int16)
    heard = voices.listen(write(tmp_path, "both.wav", wav_of(np.concatenate([vowel, hiss]))))
    assert heard.openings[28:48].mean() < 0.25 * heard.openings[:24].mean()


@pytest.mark.parametrize("volume", [1.0, 0.1, 0.01])
def test_openings_do_not_depend_on_the_volume(tmp_path: Path, volume: float) -> None:
    loud = voices.listen(write(tmp_path, "loud.wav", voice_wav(2)))
    track = np.asarray(voice_samples(2) * volume, np.int16)
    quiet = voices.listen(write(tmp_path, "quiet.wav", wav_of(track)))
    assert quiet.openings == pytest.approx(loud.openings, abs=0.12)
