from pathlib import Path

import av
import numpy as np
import pytest

from jobs.errors import EngineError
from tests.factories_media import clip_mp4, growing_mkv, voice_wav, write
from tests.workers.engines.preview.watching import darkness, shoot
from tests.workers.intake import making_media
from workers.engines.preview.pixels import Pixels
from workers.engines.preview.source import open_source
from workers.infinitetalk import sizes
from workers.intake import films
from workers.intake.limits import Limits


def play(path: Path, count: int) -> list[Pixels]:
    with open_source(path) as source:
        pictures = source.pictures(sizes.fit(source.height, source.width, sizes.BUCKETS_480))
        return [next(pictures) for _ in range(count)]


def shift(pictures: list[Pixels]) -> list[float]:
    """How far the scene has moved to the right in each picture, as a share of the width, by the best match."""
    rows = [picture[40:200].mean(axis=(0, 2)) for picture in pictures]
    width = len(rows[0])
    spectra = [np.fft.rfft(row - row.mean()) for row in rows]
    return [float(np.fft.irfft(spectrum * np.conj(spectra[0]), width).argmax()) / width for spectrum in spectra]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_video_is_shown_the_right_way_up(tmp_path: Path, rotation: int) -> None:
    upright = play(write(tmp_path, "upright.mp4", clip_mp4(0.2, 640, 360)), 1)[0].astype(int)
    turned = play(write(tmp_path, "turned.mp4", clip_mp4(0.2, 640, 360, rotation=rotation)), 1)[0].astype(int)
    assert turned.shape == upright.shape
    assert np.abs(turned - upright).mean() < 4


@pytest.mark.parametrize(
    ("frames_per_second", "irregular"),
    [(10, False), (25, False), (60, False), (25, True)],
    ids=["10", "25", "60", "uneven"],
)
def test_a_video_plays_at_its_own_speed(tmp_path: Path, frames_per_second: int, irregular: bool) -> None:  # noqa: FBT001 - a parameter
    clip = clip_mp4(2, 640, 360, frames_per_second=frames_per_second, drift=0.1, irregular=irregular)
    moved = shift(play(write(tmp_path, "clip.mp4", clip), 50))
    for frame in (10, 25, 40):
        late = 0.3 if irregular else 1 / frames_per_second
        assert 0.1 * (frame / 25 - late) - 0.005 <= moved[frame] <= 0.1 * frame / 25 + 0.005


def test_a_shorter_video_holds_its_last_frame_and_says_so(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(2), voice_wav(2, 210)], video=clip_mp4(1, 640, 360, drift=0.05))
    assert film.rendering.frames == 50
    assert "The video ends after 1.0 of 2.0 seconds: its last frame is held" in film.warnings
    walls = [frame[150:300, 430:470].astype(int) for frame in film.frames]
    assert np.abs(walls[20] - walls[2]).mean() > 3 * np.abs(walls[45] - walls[30]).mean()
    assert darkness(film.patch((0.32, 0.59), (0.07, 0.1)))[30:].std() > 3


@pytest.mark.parametrize(("side", "grows"), [(4096, True), (4112, False)])
def test_a_video_that_grows_beyond_what_is_taken_ends_there(tmp_path: Path, side: int, grows: bool) -> None:  # noqa: FBT001 - a parameter
    pictures = play(write(tmp_path, "grows.mkv", growing_mkv(side, 0.4)), 10)
    assert bool(pictures[-1].mean() > 100) is grows


def test_the_cover_of_a_film_is_not_taken_for_it(tmp_path: Path) -> None:
    path = write(tmp_path, "tagged.mp4", making_media.with_cover(making_media.film(size=(640, 360))))
    with av.open(str(path)) as tagged:
        assert [stream.codec_context.name for stream in tagged.streams.video] == ["mjpeg", "h264"]
    assert films.probe("video", path, path, Limits())["width"] == 640
    with open_source(path) as source:
        assert (source.width, source.height) == (640, 360)


def test_a_longer_video_is_cut_without_a_word(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(0.6), voice_wav(0.6, 210)], video=clip_mp4(1.5, 640, 360))
    assert film.rendering.frames == 15
    assert film.rendering.warnings == ()


def test_mouths_stay_on_faces_that_move(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(3), voice_wav(3, 210)], video=clip_mp4(3, 640, 360, drift=0.05))
    assert film.rendering.warnings == ()
    moved = film.frames
    for second in (1, 2):
        frames = np.stack(moved[second * 25 : second * 25 + 20]).astype(np.float32)
        x = round((0.27 + 0.05 * (second + 0.4)) * 896)
        assert darkness(frames[:, 240:290, x - 31 : x + 31]).std() > 3


def test_mouths_move_only_while_their_faces_are_in_view(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(2), voice_wav(2, 210)], video=clip_mp4(2, 640, 360, hidden_after_seconds=1))
    mouth = darkness(film.patch((0.27, 0.59), (0.07, 0.1)))
    assert mouth[2:24].std() > 3
    assert mouth[28:].std() < 0.5
    assert "The left speaker's face is in view for" in film.warnings


def test_a_face_that_appears_later_is_found(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(2), voice_wav(2, 210)], video=clip_mp4(2, 640, 360, appears_after_seconds=1))
    mouth = darkness(film.patch((0.27, 0.59), (0.07, 0.1)))
    assert mouth[40:].std() > 3
    assert "No face was found in the left half" in film.warnings


@pytest.mark.parametrize("content", [b"not a video", b"", b"#EXTM3U\nhttp://127.0.0.1/x.ts\n"])
def test_what_is_no_video_is_an_engine_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EngineError, match=r"video\.mp4"), open_source(write(tmp_path, "video.mp4", content)):
        pass


def test_a_video_damaged_in_the_middle_plays_as_far_as_it_can(tmp_path: Path) -> None:
    whole = clip_mp4(1, 640, 360)
    at = len(whole) // 2
    damaged = whole[:at] + bytes(4000) + whole[at + 4000 :]
    assert len(play(write(tmp_path, "video.mp4", damaged), 25)) == 25


def test_a_file_of_sound_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read"), open_source(write(tmp_path, "a.mp4", voice_wav(0.5))):
        pass
