"""Promises about the way of a video to us: every break is mended, and nothing is kept that is not proved whole."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from jobs import parts, storage
from tests.factories_media import clip_mp4
from tests.fakes.media_server import MediaServer
from tests.fakes.wavespeed import QUICK, Fake, wavespeed
from workers.engines.cloud import transfer
from workers.engines.cloud.errors import NotReached, OutputBroken, OutputMissing
from workers.engines.cloud.mp4 import Film
from workers.engines.cloud.transfer import Carried, Terms

SIZE = 3_000_000
VIDEO = clip_mp4(1.6, 64, 48)
IMPATIENT = Terms(tries=3, first_pause_seconds=0.001)


class Shelf:
    """A sink in memory."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, piece: bytes) -> None:
        self.content += piece

    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


def carry(url: str, shelf: Shelf, terms: Terms = IMPATIENT, **callables: Callable[..., None]) -> Carried:
    with httpx.Client(trust_env=False, timeout=10) as source:
        return transfer.carry(source, url, shelf, terms, **callables)


def broken(url: str, shelf: Shelf, terms: Terms = IMPATIENT) -> str:
    with pytest.raises(OutputBroken) as told:
        carry(url, shelf, terms)
    assert not told.value.permanent
    return str(told.value)


@contextmanager
def output(*faults: str) -> Iterator[tuple[Fake, str]]:
    with wavespeed(**QUICK, video_bytes=SIZE, faults=dict.fromkeys(faults, 1.0)) as fake:
        yield fake, fake.ended(fake.submit()["id"])["outputs"][0]


def test_a_video_comes_whole_with_its_checksum_and_its_size(shelf: Shelf) -> None:
    with output() as (fake, url):
        carried = carry(url, shelf)
        content = fake.http.get(url).content

    assert carried == Carried(SIZE, hashlib.sha256(content).hexdigest(), Film(96, 54, 125, 5.0))
    assert shelf.content == content


@pytest.mark.parametrize(
    ("faults", "answers"), [(["output_cut"], {"200": 2, "206": 1}), (["output_cut", "output_whole"], {"200": 3})]
)
def test_one_that_is_cut_is_taken_up_where_it_broke(shelf: Shelf, faults: list[str], answers: dict[str, int]) -> None:
    with output(*faults) as (fake, url):
        carried = carry(url, shelf)
        content = fake.http.get(url).content
        calls = fake.calls()["output"]

    assert shelf.content == content
    assert carried.bytes == SIZE
    assert calls == answers


def test_one_that_is_truncated_is_refused_after_some_tries(shelf: Shelf) -> None:
    with output("output_truncated") as (fake, url):
        assert "does not come through" in broken(url, shelf)

        assert fake.calls()["output"] == {"200": 1, "206": 3}


def test_one_that_is_missing_is_told_apart(shelf: Shelf) -> None:
    with output("output_missing") as (_, url), pytest.raises(OutputMissing) as told:
        carry(url, shelf)

    assert not told.value.permanent
    assert "404" in str(told.value)


def test_one_that_trickles_is_ended_in_time(shelf: Shelf) -> None:
    with output("output_slow") as (_, url):
        assert "did not come within 0.5 seconds" in broken(url, shelf, Terms(seconds=0.5))


def test_a_server_that_is_away_is_asked_again(server: MediaServer, shelf: Shelf) -> None:
    url = server.serve("/a.mp4", b"", status="503 Service Unavailable")
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        server.serve("/a.mp4", VIDEO, kind="video/mp4")

    assert carry(url, shelf, Terms(first_pause_seconds=7.0), pause=pause).bytes == len(VIDEO)
    assert paused == [7.0]


def test_a_server_that_stays_away_is_given_up(server: MediaServer, shelf: Shelf) -> None:
    assert "answered with 503" in broken(server.serve("/a.mp4", b"", status="503 Service Unavailable"), shelf)
    assert len(server.seen) == 3


def test_where_nobody_is_reached_the_video_is_not_at_fault(shelf: Shelf) -> None:
    with MediaServer() as server:
        url = server.url("/a.mp4")
    with pytest.raises(NotReached):
        carry(url, shelf)


@pytest.mark.parametrize(
    "more",
    [
        'ETag: "other"\r\nContent-Range: bytes 1000-{last}/{total}',
        "Content-Range: bytes 999-{last}/{total}",
        "",
        "Content-Range: bytes 1000-{last}/77777",
    ],
)
def test_a_rest_that_is_not_of_the_same_file_is_refused(server: MediaServer, shelf: Shelf, more: str) -> None:
    url = cut_after(server, 1000, more='ETag: "first"\r\n')

    def pause(_: float) -> None:
        head = more.format(last=len(VIDEO) - 1, total=len(VIDEO)) + "\r\n" * bool(more)
        server.serve("/a.mp4", VIDEO[1000:], status="206 Partial Content", more=head)

    with pytest.raises(OutputBroken, match="changed while it was read"):
        carry(url, shelf, pause=pause)
    assert 'if-range: "first"' in server.seen[1].lower()
    assert "range: bytes=1000-" in server.seen[1].lower()


@pytest.mark.parametrize("other", [b"x" + VIDEO[1:], VIDEO[:500] + b"x" + VIDEO[501:], VIDEO + b"x"])
def test_another_file_at_the_same_place_is_refused(server: MediaServer, shelf: Shelf, other: bytes) -> None:
    url = cut_after(server, 1000)

    def pause(_: float) -> None:
        server.serve("/a.mp4", other)

    with pytest.raises(OutputBroken, match="changed while it was read"):
        carry(url, shelf, pause=pause)


def test_a_file_that_ends_early_without_a_word_is_no_whole_video(server: MediaServer, shelf: Shelf) -> None:
    url = server.serve("/a.mp4", VIDEO[:-100], kind="video/mp4")

    assert "ends in the middle of a box" in broken(url, shelf)


def test_a_body_whose_end_nothing_proves_is_refused(server: MediaServer, shelf: Shelf) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n\r\n"
    url = server.answer("/a.mp4", lambda line: line.sendall(head + VIDEO))

    assert "how long its video is" in broken(url, shelf)


def test_chunks_prove_their_end(server: MediaServer, shelf: Shelf) -> None:
    chunks = f"{len(VIDEO):x}\r\n".encode() + VIDEO + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole = server.answer("/whole.mp4", lambda line: line.sendall(head + chunks + b"0\r\n\r\n"))
    half = server.answer("/half.mp4", lambda line: line.sendall(head + chunks))

    assert carry(whole, shelf).bytes == len(VIDEO)
    assert "RemoteProtocolError" in broken(half, Shelf())


@pytest.mark.parametrize(
    ("content", "kind", "sentence"),
    [
        (b"<html>Sorry</html>", "text/html; charset=utf-8", "a page for a video"),
        (b"<html>Sorry</html>", "video/mp4", "it is not an MP4"),
        (b"", "video/mp4", "it is not an MP4"),
    ],
)
def test_what_is_no_video_is_refused(
    server: MediaServer, shelf: Shelf, content: bytes, kind: str, sentence: str
) -> None:
    assert sentence in broken(server.serve("/a.mp4", content, kind=kind), shelf)


def test_more_than_is_taken_is_refused_before_or_while_it_comes(server: MediaServer, shelf: Shelf) -> None:
    announced = server.serve("/a.mp4", VIDEO)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = f"{len(VIDEO):x}\r\n".encode() + VIDEO + b"\r\n0\r\n\r\n"
    unannounced = server.answer("/b.mp4", lambda line: line.sendall(head + chunk))

    assert "more than 1000 bytes" in broken(announced, shelf, Terms(max_bytes=1000))
    assert shelf.content == b""
    assert "more than 1000 bytes" in broken(unannounced, shelf, Terms(max_bytes=1000))


def test_whoever_looks_on_can_end_it(server: MediaServer, shelf: Shelf) -> None:
    def check() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        carry(server.serve("/a.mp4", VIDEO), shelf, check=check)


def test_a_video_goes_from_the_upstream_into_the_bucket_and_nothing_stays_of_half_a_one(bucket: str) -> None:
    with output("output_cut") as (fake, url), httpx.Client(trust_env=False) as source:
        with parts.writing(storage._client(), bucket, "acme/whole.mp4", "video/mp4") as writer:
            carried = transfer.carry(source, url, writer, IMPATIENT)
        assert storage.size("acme/whole.mp4") == carried.bytes == SIZE

        fake.set_faults(output_truncated=1.0)
        (other,) = fake.ended(fake.submit()["id"])["outputs"]
        with (
            pytest.raises(OutputBroken),
            parts.writing(storage._client(), bucket, "acme/half.mp4", "video/mp4") as writer,
        ):
            transfer.carry(source, other, writer, IMPATIENT)
        assert storage.size("acme/half.mp4") is None


def cut_after(server: MediaServer, length: int, more: str = "") -> str:
    """A server that announces the whole and hangs up after `length` bytes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {len(VIDEO)}\r\n{more}\r\n".encode()

    def answer(line: socket.socket) -> None:
        line.sendall(head + VIDEO[:length])

    return server.answer("/a.mp4", answer)
