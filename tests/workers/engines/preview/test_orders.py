from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from jobs.errors import EngineError
from tests.factories_media import people_png, voice_samples, voice_wav, wav_of
from tests.workers.engines.preview.watching import boxes, shoot
from workers.engines.engine import Resolution, SpeakingOrder
from workers.engines.preview.loudness import LoudnessMeter

LEFT, RIGHT = voice_samples(1.3, 120), voice_samples(0.9, 210)


@pytest.mark.parametrize(("order", "frames"), [("meanwhile", 32), ("left_right", 55), ("right_left", 55)])
@pytest.mark.parametrize(("resolution", "size"), [("480p", (896, 448)), ("720p", (1280, 704))])
def test_size_and_length_are_the_models_own(
    tmp_path: Path, order: SpeakingOrder, frames: int, resolution: Resolution, size: tuple[int, int]
) -> None:
    film = shoot(
        tmp_path,
        [wav_of(LEFT), wav_of(RIGHT)],
        picture=people_png(1280, 720),
        speaking_order=order,
        resolution=resolution,
    )
    assert (film.rendering.width, film.rendering.height) == size
    assert film.rendering.frames == frames == len(film.frames)
    assert film.frames[0].shape == (size[1], size[0], 3)
    assert film.rendering.seconds == pytest.approx(frames / 25)
    with av.open(str(film.rendering.video)) as container:
        assert container.duration == frames * 40_000
        for stream in container.streams:
            assert stream.duration is not None
            assert stream.time_base is not None
            assert float(stream.duration * stream.time_base) == pytest.approx(frames / 25, abs=1e-4)


@pytest.mark.parametrize(("width", "height", "size"), [(600, 900, (512, 768)), (500, 500, (640, 640))])
def test_portraits_and_squares_land_in_their_buckets(
    tmp_path: Path, width: int, height: int, size: tuple[int, int]
) -> None:
    film = shoot(tmp_path, [voice_wav(0.2)], picture=people_png(width, height, 1))
    assert (film.rendering.width, film.rendering.height) == size


@pytest.mark.parametrize("order", ["meanwhile", "left_right", "right_left"])
def test_each_voice_is_heard_in_its_turn(tmp_path: Path, order: SpeakingOrder) -> None:
    film = shoot(tmp_path, [wav_of(LEFT), wav_of(RIGHT)], picture=people_png(640, 360), speaking_order=order)
    starts = {"meanwhile": (0, 0), "left_right": (0, len(LEFT)), "right_left": (len(RIGHT), 0)}[order]
    wanted = np.zeros(film.rendering.frames * 1920)
    for voice, start in zip((LEFT, RIGHT), starts, strict=True):
        part = at_target(voice)[: len(wanted) - start]
        wanted[start : start + len(part)] += part
    sound = film.sound[: len(wanted)]
    assert np.corrcoef(sound, wanted[: len(sound)])[0, 1] > 0.98
    assert np.sqrt((sound**2).mean()) == pytest.approx(np.sqrt((wanted**2).mean()), rel=0.05)


def test_a_loud_and_a_quiet_voice_come_out_equally_loud(tmp_path: Path) -> None:
    loud = voice_samples(1.5, 120)
    film = shoot(
        tmp_path,
        [wav_of(loud), wav_of((loud // 20).astype(np.int16))],
        picture=people_png(640, 360),
        speaking_order="left_right",
    )
    halves = np.array_split(film.sound[: 3 * 48_000], 2)
    first, second = (lufs(np.asarray(half * 32767, np.int16)) for half in halves)
    assert first == pytest.approx(-23, abs=0.7)
    assert second == pytest.approx(-23, abs=0.7)


def test_the_file_says_preview_and_is_what_browsers_play(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(1)], picture=people_png(640, 360, 1))
    assert film.rendering.video.parent == tmp_path
    with av.open(str(film.rendering.video)) as container:
        assert container.metadata["title"] == "PREVIEW - not model output"
        assert container.metadata["comment"] == "PREVIEW - not model output"
        video, audio = container.streams.video[0].codec_context, container.streams.audio[0].codec_context
        assert (video.name, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")
        assert (video.colorspace, video.color_primaries, video.color_trc, video.color_range) == (1, 1, 1, 1)
        assert container.streams.video[0].average_rate == 25
        assert (audio.name, audio.sample_rate) == ("aac", 48_000)
    order = [name for name, _ in boxes(film.rendering.video.read_bytes())]
    assert order.index("moov") < order.index("mdat")


def test_colours_survive_the_encoding(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(0.4)], picture=people_png(896, 448, 2))
    # The left one's clothes, below the face and above the lanes.
    shirt = film.patch((0.2, 0.86), (0.02, 0.02)).mean(axis=(0, 1, 2))
    assert shirt == pytest.approx((44, 86, 122), abs=14)


def test_progress_is_told_at_least_once_per_second_of_output(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(3)], picture=people_png(320, 320, 1))
    stages = [stage for stage, _ in film.reports]
    fractions = [fraction for _, fraction in film.reports]
    assert stages[0] == "listening"
    assert stages[-1] == "finishing"
    assert stages.count("drawing") >= 3
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert all(one <= other for one, other in pairwise(fractions))


def test_voices_shorter_than_a_frame_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="shorter than one frame") as caught:
        shoot(tmp_path, [voice_wav(0.03)], picture=people_png(320, 320, 1))
    assert caught.value.permanent


@pytest.mark.parametrize("voice", [b"", b"RIFF not a voice", voice_wav(1)[:20]])
def test_what_is_no_voice_is_an_engine_error(tmp_path: Path, voice: bytes) -> None:
    with pytest.raises(EngineError, match=r"voice0\.wav"):
        shoot(tmp_path, [voice], picture=people_png(320, 320, 1))


def test_a_voice_of_another_rate_is_refused(tmp_path: Path) -> None:
    slow = bytearray(voice_wav(0.5))
    slow[24:28] = (16_000).to_bytes(4, "little")
    with pytest.raises(EngineError, match="48 kHz"):
        shoot(tmp_path, [bytes(slow)], picture=people_png(320, 320, 1))


def test_what_is_no_picture_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"picture\.png"):
        shoot(tmp_path, [voice_wav(0.5)], picture=b"not a picture")


def test_an_order_without_a_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="neither"):
        shoot(tmp_path, [voice_wav(0.5)])


def at_target(voice: np.ndarray) -> np.ndarray:
    return voice / 32768 * 10 ** ((-23 - lufs(voice)) / 20)


def lufs(samples: np.ndarray) -> float:
    meter = LoudnessMeter(48_000)
    meter.feed(samples)
    return float(-23 - 20 * np.log10(meter.gain()))
