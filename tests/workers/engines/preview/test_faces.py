import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli import demo_media
from jobs.errors import EngineError
from tests.factories_media import people
from workers.engines.preview import networks
from workers.engines.preview.faces import FaceFinder
from workers.engines.preview.pixels import Pixels


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB"), np.uint8)


def test_the_demos_two_people_are_found_in_their_halves(finder: FaceFinder) -> None:
    picture = pixels(Image.open(io.BytesIO(demo_media.picture())))
    faces = finder.find(picture, lambda _: False)
    assert len(faces) == 2
    left, right = sorted(face.centre[0] for face in faces)
    assert left == pytest.approx(0.27 * 1280, abs=15)
    assert right == pytest.approx(0.73 * 1280, abs=15)


@pytest.mark.parametrize("face_height", [0.08, 0.15, 0.3, 0.6])
def test_small_and_large_faces_are_found_where_they_were_drawn(finder: FaceFinder, face_height: float) -> None:
    picture = pixels(people(896, 504, places=((0.3, 0.45), (0.72, 0.5)), face=face_height))
    faces = finder.find(picture, lambda faces: len(faces) == 2)
    assert len(faces) == 2
    for face, (across, down) in zip(
        sorted(faces, key=lambda face: face.centre[0]), ((0.3, 0.45), (0.72, 0.5)), strict=True
    ):
        assert face.centre[0] == pytest.approx(across * 896, abs=0.15 * face_height * 504)
        assert face.centre[1] == pytest.approx(down * 504, abs=0.15 * face_height * 504)
        assert 0.6 < face.height / (face_height * 504) < 1.2


@pytest.mark.parametrize("degrees", [-30, -12, 12, 30])
def test_a_tilt_is_measured(finder: FaceFinder, degrees: int) -> None:
    picture = people(640, 640, 1).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(190, 182, 170))
    faces = finder.find(pixels(picture), bool)
    assert np.degrees(faces[0].tilt) == pytest.approx(-degrees, abs=6)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_found_where_nobody_is(finder: FaceFinder, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    for picture in (people(640, 360, 0), Image.fromarray(noise).resize((640, 360))):
        assert finder.find(pixels(picture), lambda _: False) == []


def test_a_face_is_followed_and_lost_when_it_is_gone(finder: FaceFinder) -> None:
    here, moved = (pixels(people(640, 360, places=((across, 0.45),), face=0.4)) for across in (0.3, 0.33))
    face = finder.find(here, bool)[0]
    followed = finder.follow(moved, face)
    assert followed is not None
    assert followed.centre[0] - face.centre[0] == pytest.approx(0.03 * 640, abs=3)
    assert finder.follow(pixels(people(640, 360, 0)), face) is None
    assert finder.follow(moved, face.moved(-640, 0)) is None


@pytest.mark.parametrize("name", networks.SHA256)
def test_a_model_with_another_sha256_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"another model")
    with pytest.raises(EngineError, match="not the one this release knows"):
        networks.load(name, tmp_path)


@pytest.mark.parametrize("name", networks.SHA256)
def test_a_missing_model_is_an_engine_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(EngineError, match="cannot be read"):
        networks.load(name, tmp_path)
