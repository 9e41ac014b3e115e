"""Promises about making all media of one job regular."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobs.errors import LeaseLost, MediaError
from jobs.rules.catalog import MODELS
from tests.fakes.media_server import MediaServer
from tests.workers.intake import making_media as make
from workers.intake.fetch import Source, Ways
from workers.intake.limits import Limits
from workers.intake.prepare import Prepared, Request, _raise_first_failure, prepare

if TYPE_CHECKING:
    from workers.intake.regular import Regular

LOOPBACK = (ip_network("127.0.0.1/32"),)
DUET = MODELS["wavespeed-ai/infinitetalk/multi"].media
SOLO = MODELS["wavespeed-ai/infinitetalk"].media
FILM_DUET = MODELS["wavespeed-ai/infinitetalk/video-to-video-multi"].media


class NoBucket:
    """A bucket none of whose links turn up."""

    def own_key(self, url: str) -> str | None:  # noqa: ARG002 - the bucket's signature
        return None

    def download(self, key: str, destination: Path, max_bytes: int) -> None:
        raise AssertionError((key, destination, max_bytes))


WAYS = Ways(NoBucket(), LOOPBACK)


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        running.serve("/face", make.picture())
        running.serve("/left", make.silence(2))
        running.serve("/right", make.recording("mp3", "libmp3lame", make.tone(1)))
        running.serve("/film", make.film(sound="aac"))
        yield running


def request(media: dict[str, str], **sources: Source) -> Request:
    return Request(uuid.UUID(int=1), media, sources)  # type: ignore[arg-type]  # the catalogue's own kinds


def test_a_duet_becomes_a_picture_and_two_voices(server: MediaServer, tmp_path: Path) -> None:
    wish = request(
        dict(DUET), right_audio=server.url("/right"), left_audio=server.url("/left"), image=server.url("/face")
    )
    prepared = prepare(wish, tmp_path, Limits(), WAYS)
    assert list(prepared.files) == ["image", "left_audio", "right_audio"]
    assert [found.path.name for found in prepared.files.values()] == ["image.png", "left_audio.wav", "right_audio.wav"]
    assert prepared.tracks == {"left_audio": 2.0, "right_audio": pytest.approx(1.0, abs=0.06)}
    assert (prepared.files["image"].width, prepared.files["image"].height) == (96, 128)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image.png", "left_audio.wav", "right_audio.wav"]


def test_every_file_is_described_as_it_lies_there(tmp_path: Path) -> None:
    wish = request(dict(SOLO), image=make.picture(), audio=make.silence(1), mask_image=make.picture("L"))
    for found in prepare(wish, tmp_path, Limits(), WAYS).files.values():
        assert found.bytes == found.path.stat().st_size
        assert found.sha256 == hashlib.sha256(found.path.read_bytes()).hexdigest()


def test_a_film_is_kept_as_it_is_under_a_regular_name(server: MediaServer, tmp_path: Path) -> None:
    wish = request(
        dict(FILM_DUET), video=server.url("/film"), left_audio=server.url("/film"), right_audio=server.url("/right")
    )
    film = prepare(wish, tmp_path, Limits(), WAYS).files["video"]
    assert film.path.name == "video.mp4"
    assert film.path.read_bytes() == make.film(sound="aac")
    assert film.fps == pytest.approx(20, abs=1.2)


def test_a_file_of_the_wrong_kind_is_refused_by_its_field(server: MediaServer, tmp_path: Path) -> None:
    wish = request(dict(SOLO), image=server.url("/left"), audio=server.url("/left"))
    with pytest.raises(MediaError, match=r"^image: is no picture"):
        prepare(wish, tmp_path, Limits(), WAYS)


def test_what_is_known_survives_a_row_and_another_folder(tmp_path: Path) -> None:
    wish = request(dict(SOLO), image=make.picture(), audio=make.silence(1))
    prepared = prepare(wish, tmp_path, Limits(), WAYS)
    kept = json.loads(json.dumps(prepared.as_json()))
    assert Prepared.from_json(kept, tmp_path) == prepared
    assert Prepared.from_json(kept, tmp_path / "later").files["audio"].path == tmp_path / "later" / "audio.wav"
    assert str(tmp_path) not in json.dumps(kept)


def test_a_row_that_was_tampered_with_stays_in_its_folder(tmp_path: Path) -> None:
    prepared = prepare(request(dict(SOLO), image=make.picture()), tmp_path, Limits(), WAYS)
    kept = prepared.as_json()
    kept["image"]["path"] = "../../etc/passwd"
    assert Prepared.from_json(kept, tmp_path).files["image"].path.parent == tmp_path
    kept["image"]["kind"] = "program"
    with pytest.raises(ValueError, match="kind of media"):
        Prepared.from_json(kept, tmp_path)


def test_one_input_that_fails_calls_the_others_off(server: MediaServer, tmp_path: Path) -> None:
    slow = server.drip("/slow", pause_seconds=0.02)
    wish = request(dict(DUET), image=server.url("/gone"), left_audio=slow, right_audio=slow)
    started_at = time.monotonic()
    with pytest.raises(MediaError, match=r"^image: the address answered 404"):
        prepare(wish, tmp_path, Limits(fetch_seconds=600), WAYS)
    assert time.monotonic() - started_at < 120


def test_news_from_outside_ends_everything(server: MediaServer, tmp_path: Path) -> None:
    def check() -> None:
        if len(server.seen) > 2:
            raise LeaseLost

    slow = server.drip("/slow", pause_seconds=0.02)
    wish = request(dict(DUET), image=slow, left_audio=slow, right_audio=slow)
    with pytest.raises(LeaseLost):
        prepare(wish, tmp_path, Limits(fetch_seconds=600), Ways(NoBucket(), LOOPBACK, check=check))


PASSING, LASTING = MediaError("image", "busy", permanent=False), MediaError("audio", "is text")
NEWS, BUG = LeaseLost(), KeyError("bug")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([PASSING, LASTING], LASTING),
        ([LASTING, PASSING], LASTING),
        ([PASSING, LASTING, NEWS], NEWS),
        ([PASSING, BUG], BUG),
    ],
)
def test_what_says_most_is_raised_when_several_inputs_fail(errors: list[Exception], expected: Exception) -> None:
    with pytest.raises(type(expected)) as caught:
        _raise_first_failure([failed(error) for error in errors])
    assert caught.value is expected


def failed(error: Exception) -> "Future[Regular]":
    end: Future[Regular] = Future()
    end.set_exception(error)
    return end
