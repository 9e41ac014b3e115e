"""Promises about what the other side sends: nothing of it is believed, everything is measured."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.media_server import MediaServer
from tests.workers.intake.bringing import LOOPBACK, MEDIA, ShelfBucket, bring, refusal
from workers.intake.fetch import Ways
from workers.intake.limits import Limits


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [
        ("404 Not Found", True),
        ("403 Forbidden", True),
        ("410 Gone", True),
        ("204 No Content", True),
        ("206 Partial Content", True),
        ("304 Not Modified", True),
        ("408 Request Timeout", False),
        ("429 Too Many Requests", False),
        ("500 Internal Server Error", False),
        ("503 Service Unavailable", False),
    ],
)
def test_an_answer_that_is_not_ok_names_its_status(
    server: MediaServer, fetched: Path, status: str, *, is_permanent: bool
) -> None:
    error = refusal(server.serve("/a", b"", status=status), fetched)
    assert error.reason == f"the address answered {status}"
    assert error.permanent is is_permanent


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8", "the address answered with a web page"),
        (b"\xff" * 99, "text/html", "the address answered with a web page"),
        (b"  <!doctype HTML>\n<p>Sign in", "audio/mpeg", "is a web page, not media"),
        (b'{"error": "expired"}', "application/json", "is text, not media"),
        (b"hello", "text/plain", "is text, not media"),
        ("Grüße ".encode() * 1000, "audio/mpeg", "is text, not media"),
        (b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", "audio/mpegurl", "is text, not media"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "audio/wav", "is text, not media"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "audio/mpeg", "is text, not media"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "is text, not media"),
        (b"", "audio/mpeg", "is empty"),
    ],
)
def test_what_is_no_media_is_named_for_what_it_is(
    server: MediaServer, fetched: Path, body: bytes, kind: str, reason: str
) -> None:
    error = refusal(server.serve("/a", body, kind=kind), fetched)
    assert error.reason.startswith(reason)
    assert error.permanent


def test_media_under_a_text_type_is_taken_for_what_it_is(server: MediaServer, fetched: Path) -> None:
    assert bring(server.serve("/a", MEDIA, kind="text/plain"), fetched) == MEDIA


def test_an_announced_length_over_the_limit_spares_the_transfer(server: MediaServer, fetched: Path) -> None:
    error = refusal(server.claim("/a", 10**12, b""), fetched)
    assert error.reason == "is larger than 1 MB, the most that is taken"
    assert error.permanent


def test_a_body_without_end_is_cut_at_the_limit(server: MediaServer, fetched: Path) -> None:
    assert "larger than 1 MB" in refusal(server.endless("/a"), fetched).reason
    assert fetched.stat().st_size <= 10**6


def test_a_length_that_lies_low_gains_nothing(server: MediaServer, fetched: Path) -> None:
    assert bring(server.claim("/a", 1000, MEDIA), fetched) == MEDIA[:1000]


def test_a_body_that_ends_early_may_be_tried_again(server: MediaServer, fetched: Path) -> None:
    assert not refusal(server.claim("/a", 10**5, MEDIA), fetched).permanent
    assert not refusal(server.cut("/b"), fetched).permanent


def test_a_server_that_is_away_may_be_tried_again(fetched: Path) -> None:
    with MediaServer() as gone:
        url = gone.url("/a")
    assert not refusal(url, fetched).permanent


def test_a_server_that_speaks_something_else_may_be_tried_again(server: MediaServer, fetched: Path) -> None:
    url = server.answer("/a", lambda line: line.sendall(b"SSH-2.0-OpenSSH_9.6\r\n"))
    assert not refusal(url, fetched).permanent


def test_a_silent_server_is_given_up_and_may_be_tried_again(server: MediaServer, fetched: Path) -> None:
    error = refusal(server.silent("/a"), fetched, limits=Limits(fetch_seconds=120, idle_seconds=0.5))
    assert error.reason == "the address sent nothing for 0.5 seconds"
    assert not error.permanent


@pytest.mark.parametrize("head_too", [True, False])
def test_a_slow_drip_is_given_up_though_it_never_stops(server: MediaServer, fetched: Path, *, head_too: bool) -> None:
    url = server.drip("/a", pause_seconds=0.05, head_too=head_too)
    error = refusal(url, fetched, limits=Limits(fetch_seconds=0.5, idle_seconds=60))
    assert error.reason == "could not be fetched within 0.5 seconds"
    assert not error.permanent


def test_a_compressed_answer_is_unpacked(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", gzip.compress(MEDIA), more="Content-Encoding: gzip\r\n")
    assert bring(url, fetched) == MEDIA


def test_a_compressed_answer_in_several_members_is_unpacked_whole(server: MediaServer, fetched: Path) -> None:
    members = gzip.compress(MEDIA[:10]) + gzip.compress(b"") + gzip.compress(MEDIA[10:])
    url = server.serve("/a", members, more="Content-Encoding: gzip\r\n")
    assert bring(url, fetched) == MEDIA


def test_what_follows_a_compressed_answer_is_not_kept_but_refused(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", gzip.compress(MEDIA) + b"A" * 10**5, more="Content-Encoding: gzip\r\n")
    assert "damaged content-encoding" in refusal(url, fetched).reason


def test_a_compression_bomb_is_cut_at_the_limit(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", gzip.compress(bytes(50 * 10**6)), more="Content-Encoding: gzip\r\n")
    assert "larger than 1 MB" in refusal(url, fetched).reason
    assert fetched.stat().st_size <= 10**6


def test_what_unpacks_to_nothing_without_end_is_cut_at_the_limit_too(server: MediaServer, fetched: Path) -> None:
    url = server.endless("/a", gzip.compress(b"") * 500, more="Content-Encoding: gzip\r\n")
    assert "larger than 1 MB" in refusal(url, fetched, limits=Limits(fetch_seconds=10)).reason


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd"])
def test_an_encoding_nobody_asked_for_is_refused(server: MediaServer, fetched: Path, encoding: str) -> None:
    url = server.serve("/a", MEDIA, more=f"Content-Encoding: {encoding}\r\n")
    assert "content-encoding" in refusal(url, fetched).reason


def test_a_damaged_compression_is_refused(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", MEDIA, more="Content-Encoding: gzip\r\n")
    assert refusal(url, fetched).permanent
    cut_off = gzip.compress(MEDIA)[:-20]
    url = server.serve("/b", cut_off, more="Content-Encoding: gzip\r\n")
    assert not refusal(url, fetched).permanent


def test_a_fetch_can_be_called_off(server: MediaServer, fetched: Path) -> None:
    class CalledOffError(Exception):
        pass

    def check() -> None:
        raise CalledOffError

    with pytest.raises(CalledOffError):
        bring(server.endless("/a"), fetched, ways=Ways(ShelfBucket(), LOOPBACK, check=check))
