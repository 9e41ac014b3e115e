"""Promises about recordings: every one we take becomes one regular voice, and no other gets through."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from jobs.errors import MediaError
from tests.workers.intake import making_media as make
from workers.intake.limits import Limits
from workers.intake.sounds import make_regular

SECONDS = 1.5
TONE = make.tone(SECONDS)


def voice_of(content: bytes, folder: Path) -> tuple[float, NDArray[np.int16]]:
    """Seconds as reported, and the samples of the regular voice."""
    source, target = folder / "source", folder / "voice.wav"
    source.write_bytes(content)
    facts = make_regular("audio", source, target, Limits())
    with wave.open(str(target)) as voice:
        assert (voice.getnchannels(), voice.getsampwidth(), voice.getframerate()) == (1, 2, 48_000)
        samples = np.frombuffer(voice.readframes(voice.getnframes()), "<i2")
    assert facts["seconds"] == len(samples) / 48_000
    return facts["seconds"], samples


def refusal(content: bytes, folder: Path) -> str:
    with pytest.raises(MediaError) as caught:
        voice_of(content, folder)
    assert caught.value.permanent
    assert caught.value.field == "audio"
    return caught.value.reason


def loudest_hz(samples: NDArray[np.int16]) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 48_000 / len(samples))


RECORDINGS = {
    "wav": make.recording("wav", "pcm_s16le", TONE),
    "wav of 24 bit": make.recording("wav", "pcm_s24le", TONE),
    "wav of 32 bit": make.recording("wav", "pcm_s32le", TONE),
    "wav of 8 bit": make.recording("wav", "pcm_u8", TONE),
    "wav of floats": make.recording("wav", "pcm_f32le", TONE),
    "wav of doubles": make.recording("wav", "pcm_f64le", TONE),
    "wav in stereo": make.recording("wav", "pcm_s16le", TONE, layout="stereo"),
    "wav in 7.1": make.recording("wav", "pcm_s16le", TONE, layout="7.1"),
    "m4a in 7.1": make.recording("mp4", "aac", TONE, layout="7.1"),
    "flac in 7.1": make.recording("flac", "flac", TONE, layout="7.1"),
    "wav of 16 channels": make.wav(np.repeat((TONE * 32767).astype("<i2"), 16).tobytes(), channels=16),
    "wav of 4 kHz": make.recording("wav", "pcm_s16le", make.tone(SECONDS, 4_000), 4_000),
    "wav of 384 kHz": make.recording("wav", "pcm_s16le", make.tone(SECONDS, 384_000), 384_000),
    "wav that claims 4 GB": make.wav((TONE * 32767).astype("<i2").tobytes(), claims=0xFFFFFFFF),
    "mp3": make.recording("mp3", "libmp3lame", make.tone(SECONDS, 44_100), 44_100),
    "m4a": make.recording("mp4", "aac", TONE),
    "aac": make.recording("adts", "aac", TONE),
    "flac": make.recording("flac", "flac", TONE),
    "opus": make.recording("ogg", "libopus", TONE),
    "webm": make.recording("webm", "libopus", TONE),
    "aiff": make.recording("aiff", "pcm_s16be", TONE),
    "caf": make.recording("caf", "pcm_s16le", TONE),
    "film with sound": make.film(frames=30, sound="aac"),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_kind_of_recording_becomes_the_same_voice(name: str, tmp_path: Path) -> None:
    seconds, samples = voice_of(RECORDINGS[name], tmp_path)
    assert seconds == pytest.approx(SECONDS, abs=0.11)
    assert loudest_hz(samples) == pytest.approx(make.TONE_HZ, abs=2)
    loudness = np.sqrt(np.mean(samples[9_600:-9_600].astype(float) ** 2))
    assert loudness == pytest.approx(16_384 / np.sqrt(2), rel=0.15)  # the low channel of 7.1 is lost


def test_what_is_no_number_becomes_silence_and_spreads_no_further(tmp_path: Path) -> None:
    odd = make.tone(3 * SECONDS, 44_100)
    odd[44_100:88_200] = np.nan
    odd[10], odd[20], odd[30] = np.inf, -np.inf, 1e30
    seconds, samples = voice_of(make.wav(odd.astype("<f4").tobytes(), rate=44_100, bits=32, tag=3), tmp_path)
    assert seconds == pytest.approx(3 * SECONDS, abs=0.001)
    assert np.abs(samples[50_000:94_000]).max() <= 1
    assert np.abs(samples[97_000:]).max() == pytest.approx(16_384, rel=0.01)


def test_pure_silence_is_a_voice(tmp_path: Path) -> None:
    seconds, samples = voice_of(make.silence(3), tmp_path)
    assert seconds == 3
    assert not samples.any()


def test_ten_minutes_are_taken_whole(tmp_path: Path) -> None:
    assert voice_of(make.silence(600), tmp_path)[0] == 600


def test_what_the_codec_added_to_ten_minutes_is_cut(tmp_path: Path) -> None:
    padded = make.recording("flac", "flac", np.zeros(int(600.1 * 4_000), "f4"), 4_000)
    assert voice_of(padded, tmp_path)[0] == 600


def test_a_second_too_many_is_refused_by_its_seconds(tmp_path: Path) -> None:
    assert refusal(make.silence(601), tmp_path) == "lasts 601.0 seconds; at most 600 are taken"


def test_a_second_too_many_is_counted_when_the_header_denies_it(tmp_path: Path) -> None:
    denying = make.wav(bytes(601 * 4_000), rate=4_000, bits=8, claims=0xFFFFFFFF)
    assert "601.0 seconds" in refusal(denying, tmp_path)


def test_ten_hours_are_refused_without_being_decoded_to_the_end(tmp_path: Path) -> None:
    assert refusal(make.silence(36_000), tmp_path) == "lasts more than 900 seconds; at most 600 are taken"


@pytest.mark.parametrize("name", ["mp3", "flac", "webm", "m4a", "aiff"])
def test_a_recording_that_was_cut_off_is_refused(name: str, tmp_path: Path) -> None:
    whole = RECORDINGS[name]
    assert refusal(whole[: len(whole) // 2], tmp_path).startswith(("is cut off: 0.", "is no whole recording"))


@pytest.mark.parametrize("kind", [("webm", "libopus"), ("ogg", "libopus"), ("mp4", "aac"), ("matroska", "flac")])
def test_a_pause_that_was_not_written_down_is_silence(kind: tuple[str, str], tmp_path: Path) -> None:
    seconds, samples = voice_of(make.paused(*kind, (0, 2), (4, 6)), tmp_path)
    assert seconds == pytest.approx(6, abs=0.11)
    loudness = [np.abs(samples[int(at * 48_000) : int((at + 1) * 48_000)]).max() > 10_000 for at in (0.5, 2.5, 4.5)]
    assert loudness == [True, False, True]


@pytest.mark.parametrize("kind", [("webm", "libopus"), ("matroska", "flac")])
def test_a_recording_whose_clock_began_earlier_is_whole(kind: tuple[str, str], tmp_path: Path) -> None:
    assert voice_of(make.paused(*kind, (5, 7)), tmp_path)[0] == pytest.approx(2, abs=0.11)


def test_pauses_count_for_the_length(tmp_path: Path) -> None:
    talk = make.paused("webm", "libopus", (0, 1), (400, 401), (800, 801))
    assert "at most 600 are taken" in refusal(talk, tmp_path)


def test_a_clock_that_jumps_or_only_runs_ahead_makes_no_pause(tmp_path: Path) -> None:
    jump = make.paused("ogg", "flac", (0, 1), (5_000, 5_001))
    assert voice_of(jump, tmp_path)[0] == pytest.approx(2, abs=0.11)
    ahead = make.paused("ogg", "libopus", *((piece, piece + 0.98) for piece in range(30)))
    assert voice_of(ahead, tmp_path)[0] == pytest.approx(29.4, abs=0.11)


@pytest.mark.parametrize("kind", [("webm", "libopus"), ("ogg", "libopus"), ("matroska", "aac")])
def test_a_pause_after_a_long_talk_is_no_hole(kind: tuple[str, str], tmp_path: Path) -> None:
    assert voice_of(make.paused(*kind, (0, 30), (33, 40)), tmp_path)[0] == pytest.approx(40, abs=0.11)


@pytest.mark.parametrize(
    "kind", [("flac", "flac"), ("mp4", "aac"), ("webm", "libopus"), ("ogg", "libopus"), ("matroska", "flac")]
)
def test_a_hole_of_damage_is_no_pause(kind: tuple[str, str], tmp_path: Path) -> None:
    content = make.recording(*kind, make.tone(60))
    hole = len(content) // 10
    content = content[: 5 * hole] + bytes(hole) + content[6 * hole :]
    assert refusal(content, tmp_path).startswith(("is cut off: 4", "is cut off: 5"))


@pytest.mark.parametrize("kind", [("webm", "libopus"), ("ogg", "libopus")])
def test_a_part_that_was_left_out_is_no_pause(kind: tuple[str, str], tmp_path: Path) -> None:
    content = make.recording(*kind, make.tone(60))
    content = content[: len(content) // 2] + content[len(content) * 6 // 10 :]
    assert refusal(content, tmp_path).startswith(("is cut off: 4", "is cut off: 5"))


def victim(folder: Path) -> Path:
    path = folder / "victim.wav"
    path.write_bytes(RECORDINGS["wav"])
    return path


@pytest.mark.parametrize(
    "template",
    [
        "ffconcat version 1.0\nfile '{}'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n",
        "[playlist]\nFile1={}\nNumberOfEntries=1\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{}</BaseURL></MPD>",
    ],
    ids=["ffconcat", "m3u8", "sdp", "pls", "dash"],
)
def test_a_list_of_other_files_is_not_followed(template: str, tmp_path: Path) -> None:
    content = template.format(victim(tmp_path)).encode()
    assert refusal(content, tmp_path).startswith("is no whole recording")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no whole recording"),
        (bytes(50_000), "is no whole recording"),
        (np.random.default_rng(1).bytes(50_000), "is no whole recording"),
        (b"PK\x03\x04" + bytes(1_000), "is no whole recording"),
        (make.picture(), "is no whole recording"),
        (make.picture(kind="GIF"), "is no whole recording"),
        (make.film(), "holds no sound"),
        (make.wav(b""), "holds no sound that can be decoded"),
        (make.wav(bytes(100)), "is shorter than one frame of video, 0.04 seconds"),
        (make.wav(bytes(2 * 17 * 4_800), channels=17), "has 17 channels; at most 16 are taken"),
        (make.wav(bytes(30_000), rate=3_000), "has 3000 samples a second; 4000 to 384000 are taken"),
        (make.wav(bytes(999_990), rate=500_000), "has 500000 samples a second; 4000 to 384000 are taken"),
    ],
    ids=[
        "empty",
        "zeros",
        "noise",
        "zip",
        "png",
        "gif",
        "mute",
        "no samples",
        "blip",
        "17 channels",
        "3 kHz",
        "500 kHz",
    ],
)
def test_what_is_no_recording_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    assert refusal(content, tmp_path).startswith(reason)


def test_a_recording_that_is_mostly_damage_is_refused(tmp_path: Path) -> None:
    whole = bytearray(make.recording("mp3", "libmp3lame", make.tone(6)))
    noise = np.random.default_rng(1)
    for at in range(2_000, len(whole) - 300, 150):
        whole[at : at + 100] = noise.bytes(100)
    assert refusal(bytes(whole), tmp_path).startswith(("is damaged", "is cut off"))
