from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.factories_media import Places, people_png, voice_wav
from tests.workers.engines.preview.watching import darkness, shoot
from workers.engines.preview import casting
from workers.engines.preview.faces import Face
from workers.engines.preview.pixels import Pixels
from workers.engines.preview.speakers import ALONE, LEFT, RIGHT

SIZE = (896, 448)
BOTH = (LEFT, RIGHT)


def face_at(x: float, y: float = 200, height: float = 120) -> Face:
    """A square of points, forehead above chin, mouth at the middle."""
    corners = np.random.default_rng(1).uniform(-0.4, 0.4, (468, 2)) * height
    corners[10], corners[152] = (0, -height / 2), (0, height / 2)
    corners[234], corners[454] = (-0.4 * height, 0), (0.4 * height, 0)
    corners[13] = corners[14] = (0, height / 4)
    return Face(np.asarray(corners + np.array((x, y)), np.float32))


def white(left: int, right: int) -> Pixels:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[:, left:right] = 255
    return mask


def test_each_voice_gets_the_largest_face_of_its_half() -> None:
    small, large, right = face_at(100, height=80), face_at(300, height=140), face_at(700)
    assert casting.cast([large, right, small], BOTH, SIZE[0]) == (large, right)


def test_a_half_without_a_face_gives_none() -> None:
    right = face_at(700)
    assert casting.cast([right], BOTH, SIZE[0]) == (None, right)


def test_a_mask_chooses_who_speaks() -> None:
    large, small = face_at(200, height=160), face_at(700, height=90)
    assert casting.cast([large, small], (ALONE,), SIZE[0]) == (large,)
    assert casting.cast([large, small], (ALONE,), SIZE[0], white(600, 896)) == (small,)


def test_a_good_picture_gives_no_warning() -> None:
    assert casting.foresee([face_at(220), face_at(670)], BOTH, SIZE, None) == []


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        ([face_at(220)], "No face was found in the right half"),
        ([face_at(670)], "No face was found in the left half"),
        ([face_at(120), face_at(330), face_at(670)], "2 faces are in the left half"),
        ([face_at(420), face_at(700)], "The left speaker's face crosses the middle"),
        ([face_at(220, y=30), face_at(670)], "The left speaker's face is cut by the crop to 896x448"),
        ([face_at(220), face_at(880)], "The right speaker's face is cut by the crop"),
        ([face_at(220, height=30), face_at(670)], "The left speaker's face is only 30 pixels high"),
    ],
)
def test_what_the_model_will_stumble_over_is_foretold(faces: list[Face], words: str) -> None:
    assert words in " ".join(casting.foresee(faces, BOTH, SIZE, None))


def test_several_faces_and_one_voice_are_foretold_unless_a_mask_chooses() -> None:
    faces = [face_at(200), face_at(700)]
    assert "2 faces are in the picture and one voice" in " ".join(casting.foresee(faces, (ALONE,), SIZE, None))
    assert casting.foresee(faces, (ALONE,), SIZE, white(600, 896)) == []


def test_a_mask_that_keeps_the_speaker_still_is_foretold() -> None:
    warnings = casting.foresee([face_at(200)], (ALONE,), SIZE, white(600, 896))
    assert "The mask keeps the speaker's mouth still" in " ".join(warnings)


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (((0.27, 0.45),), "No face was found in the right half"),
        (((0.13, 0.45), (0.38, 0.45), (0.74, 0.45)), "2 faces are in the left half"),
        (((0.46, 0.45), (0.8, 0.45)), "The left speaker's face crosses the middle"),
        (((0.27, 0.14), (0.73, 0.45)), "The left speaker's face is cut by the crop"),
    ],
)
def test_warnings_reach_the_rendering(tmp_path: Path, places: Places, words: str) -> None:
    film = shoot(tmp_path, [voice_wav(0.2), voice_wav(0.2)], picture=people_png(1280, 720, places=places, face=0.34))
    assert words in film.warnings


def test_circles_stand_in_where_there_is_no_face_and_speak(tmp_path: Path) -> None:
    film = shoot(tmp_path, [voice_wav(2), voice_wav(2, 210)], picture=people_png(1280, 720, 0))
    assert "No face was found in the left half" in film.warnings
    assert "No face was found in the right half" in film.warnings
    for middle in (0.25, 0.75):
        assert darkness(film.patch((middle, 0.53), (0.06, 0.1))).std() > 5


def test_a_mask_is_drawn_as_an_outline(tmp_path: Path) -> None:
    picture, voice = people_png(896, 448, 1), voice_wav(0.4)
    mask = np.zeros((448, 896), np.uint8)
    mask[60:380, 300:600] = 255
    Image.fromarray(mask).save(tmp_path / "grey.png")
    without = shoot(tmp_path, [voice], picture=picture)
    plain = without.frames[0].astype(int)
    outlined = (
        shoot(tmp_path, [voice], picture=picture, mask=(tmp_path / "grey.png").read_bytes()).frames[0].astype(int)
    )
    changed = np.abs(outlined - plain).max(axis=2) > 40
    for edge in (
        changed[80:360, 298:303],
        changed[80:360, 597:602],
        changed[58:63, 320:580],
        changed[377:382, 320:580],
    ):
        assert edge.any(axis=int(edge.shape[0] > edge.shape[1])).mean() > 0.9
    assert changed[80:360, 320:580].mean() < 0.02
    assert changed[:, :280].mean() < 0.02
