import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cli import demo_media
from tests.factories_media import clip_mp4, people_png, voice_samples, wav_of
from tests.workers.engines.preview.watching import Film, correlation, darkness, loudness_per_frame, shoot
from workers.engines.engine import SpeakingOrder
from workers.engines.preview.faces import FaceFinder
from workers.engines.preview.mouth import Mouth
from workers.engines.preview.pixels import Floats, Pixels

SECONDS = 3
VOICES = (voice_samples(SECONDS, 120, 4.0), voice_samples(SECONDS, 210, 2.9))
STARTS = {"meanwhile": (0, 0), "left_right": (0, SECONDS), "right_left": (SECONDS, 0)}

# Where the two drawn people's mouths are in a frame of 896x448, in shares.
MOUTHS = ((0.27, 0.59), (0.73, 0.59))
MOUTH_SIZE = (0.07, 0.1)


def mouths(film: Film) -> list[Floats]:
    return [darkness(film.patch(place, MOUTH_SIZE)) for place in MOUTHS]


def voices_heard(order: SpeakingOrder, frames: int) -> list[Floats]:
    """Each voice's loudness, a frame early, as lips are."""
    padded = [
        np.concatenate([np.zeros(48_000 * start), voice]) for voice, start in zip(VOICES, STARTS[order], strict=True)
    ]
    return [np.roll(loudness_per_frame(voice, frames), -1) for voice in padded]


@pytest.mark.parametrize("order", ["meanwhile", "left_right", "right_left"])
@pytest.mark.parametrize("source", ["picture", "video"])
def test_each_mouth_follows_its_own_voice_and_not_the_other(tmp_path: Path, source: str, order: SpeakingOrder) -> None:
    picture, video = (people_png(1280, 720), b"") if source == "picture" else (b"", clip_mp4(4, 640, 360))
    film = shoot(tmp_path, [wav_of(voice) for voice in VOICES], picture=picture, video=video, speaking_order=order)
    left, right = mouths(film)
    left_voice, right_voice = voices_heard(order, film.rendering.frames)
    assert correlation(left, left_voice) > 0.86
    assert correlation(right, right_voice) > 0.86
    assert correlation(left, right_voice) < 0.08
    assert correlation(right, left_voice) < 0.08


def test_recorded_voices_move_the_mouths_of_the_demo(tmp_path: Path) -> None:
    samples = [voice.astype(np.int16) for voice in demo_voices()]
    film = shoot(
        tmp_path, [wav_of(voice) for voice in samples], picture=demo_media.picture(), speaking_order="left_right"
    )
    left, right = mouths(film)
    first = loudness_per_frame(samples[0], film.rendering.frames)
    assert correlation(left, np.roll(first, -1)) > 0.7
    turn = len(samples[0]) // 1920
    assert left[:turn].std() > 10 * left[turn + 25 :].std()
    assert right[turn:].std() > 10 * right[: turn - 1].std()


def test_a_single_voice_moves_the_single_face(tmp_path: Path) -> None:
    film = shoot(tmp_path, [wav_of(VOICES[0])], picture=people_png(720, 720, 1))
    assert correlation(darkness(film.patch((0.5, 0.53), (0.08, 0.07))), voices_heard("meanwhile", 75)[0]) > 0.86
    assert film.rendering.warnings == ()


def test_silence_is_tolerated_and_keeps_the_mouth_shut(tmp_path: Path) -> None:
    film = shoot(
        tmp_path, [wav_of(VOICES[0]), wav_of(np.zeros(SECONDS * 48_000, np.int16))], picture=people_png(1280, 720)
    )
    left, right = mouths(film)
    assert right.std() < 0.1 * left.std()
    assert "The right speaker's voice is silent." in film.rendering.warnings


def test_a_tilted_head_opens_its_mouth_too(tmp_path: Path) -> None:
    # A quarter of the picture's people is enough of a tilt for a map that forgot to turn to show.
    film = shoot(tmp_path, [wav_of(VOICES[0])], picture=tilted(people_png(720, 720, 1), 20))
    whole = film.patch((0.5, 0.5), (0.3, 0.3))
    assert correlation(darkness(whole), voices_heard("meanwhile", 75)[0]) > 0.8


def test_only_the_surroundings_of_a_mouth_are_touched_when_nobody_sways() -> None:
    picture = decoded(people_png(896, 448))
    face = FaceFinder().find(picture, lambda faces: len(faces) > 1)[0]
    open_mouth = picture.copy()
    Mouth(picture, face).draw(open_mouth, 1.0)
    rows, columns = np.nonzero((open_mouth != picture).any(axis=2))
    left, _, right, bottom = face.box
    assert len(rows) > 200
    assert columns.min() > left - 0.1 * face.height
    assert columns.max() < right + 0.1 * face.height
    assert rows.min() > face.centre[1]
    assert rows.max() < bottom + 0.25 * face.height


def decoded(content: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.uint8)


def tilted(content: bytes, degrees: float) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(decoded(content)).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(190, 182, 170)).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def demo_voices() -> list[Floats]:
    """The demo's two recordings, as intake would make them: 48 kHz, mono."""
    tracks = []
    for content in demo_media.voices():
        with av.open(io.BytesIO(content), "r") as container:
            resampler = av.AudioResampler("s16", "mono", 48_000)
            parts = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
            parts += resampler.resample(None)
        tracks.append(np.concatenate([part.to_ndarray()[0] for part in parts]).astype(np.float32))
    return tracks
