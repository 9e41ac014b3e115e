"""Promises about bringing one input here."""

import base64
import gzip
import uuid
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from jobs.errors import MediaError, StorageError
from jobs.rules.addresses import Address
from tests.fakes.media_server import MediaServer
from workers.intake.fetch import Source, Wanted, Ways, fetch
from workers.intake.limits import Limits

OWN, FOREIGN = uuid.UUID(int=1), uuid.UUID(int=2)
LOOPBACK = (ip_network("127.0.0.1/32"),)
MEDIA = bytes(range(256)) * 100
LIMITS = Limits(fetch_seconds=2, idle_seconds=0.5)


class ShelfBucket:
    """A bucket at http://bucket.test:9000/duologue that holds what it is given."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects
        self.is_away = False

    def own_key(self, url: str) -> str | None:
        base = "http://bucket.test:9000/duologue/"
        return url.partition("?")[0].removeprefix(base) if url.startswith(base) else None

    def download(self, key: str, destination: Path, max_bytes: int) -> None:
        if self.is_away:
            raise StorageError("could not fetch")
        if key not in self.objects:
            raise StorageError("the bucket would not fetch: 404", permanent=True)
        destination.write_bytes(self.objects[key][: max_bytes + 1])


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


def bring(
    source: Source, to: Path, *, max_bytes: int = 10**6, limits: Limits = LIMITS, ways: Ways | None = None
) -> bytes:
    wanted = Wanted("audio", source, OWN, max_bytes)
    fetch(wanted, to, limits, ways or Ways(ShelfBucket(), LOOPBACK))
    return to.read_bytes()


def refusal(
    source: Source, to: Path, *, max_bytes: int = 10**6, limits: Limits = LIMITS, ways: Ways | None = None
) -> MediaError:
    with pytest.raises(MediaError) as caught:
        bring(source, to, max_bytes=max_bytes, limits=limits, ways=ways)
    assert caught.value.field == "audio"
    assert caught.value.code == 1402
    return caught.value


def test_a_url_is_fetched(server: MediaServer, fetched: Path) -> None:
    assert bring(server.serve("/a.mp3?token=1&b=2", MEDIA), fetched) == MEDIA
    assert "accept-encoding: identity" in server.seen[0].lower()


def test_a_file_without_a_type_is_fetched(server: MediaServer, fetched: Path) -> None:
    assert bring(server.claim("/a", len(MEDIA), MEDIA), fetched) == MEDIA


def test_redirects_are_followed_to_the_fifth(server: MediaServer, fetched: Path) -> None:
    server.serve("/5", MEDIA)
    for hop in range(5):
        server.redirect(f"/{hop}", f"{hop + 1}")
    server.redirect("/too-far", "/0")
    assert bring(server.url("/0"), fetched) == MEDIA
    assert "redirects more than 5 times" in refusal(server.url("/too-far"), fetched).reason


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://metadata.test/",
        "http://user:secret@8.8.8.8/",
        "file:///etc/passwd",
        "//127.0.0.2/",
        "http://[",
    ],
)
def test_a_redirect_is_judged_like_the_first_url(server: MediaServer, fetched: Path, target: str) -> None:
    def resolve(host: str, port: int) -> list[Address]:
        return [ip_address("169.254.169.254" if host == "metadata.test" else "127.0.0.1")]

    url = server.redirect("/away", target)
    error = refusal(url, fetched, ways=Ways(ShelfBucket(), LOOPBACK, resolve))
    assert error.permanent
    assert len(server.seen) == 1
    assert not fetched.exists()


def test_a_private_address_is_refused_when_nothing_is_allowed(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", MEDIA)
    assert "machine itself" in refusal(url, fetched, ways=Ways(ShelfBucket())).reason
    by_name = f"http://localhost:{server.port}/a"
    assert refusal(by_name, fetched, ways=Ways(ShelfBucket())).permanent
    assert server.seen == []


@pytest.mark.parametrize(
    "url", ["http://", "http://a..b/", "https://u:p@example.com/", "http://example.com:25/", "http://[x/"]
)
def test_a_url_that_is_none_is_refused(fetched: Path, url: str) -> None:
    assert refusal(url, fetched).permanent


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
    error = refusal(server.silent("/a"), fetched)
    assert error.reason == "the address sent nothing for 0.5 seconds"
    assert not error.permanent


@pytest.mark.parametrize("head_too", [True, False])
def test_a_slow_drip_is_given_up_though_it_never_stops(server: MediaServer, fetched: Path, *, head_too: bool) -> None:
    url = server.drip("/a", pause_seconds=0.05, head_too=head_too)
    error = refusal(url, fetched, limits=Limits(fetch_seconds=0.5, idle_seconds=5))
    assert error.reason == "could not be fetched within 0.5 seconds"
    assert not error.permanent


def test_a_compressed_answer_is_unpacked(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", gzip.compress(MEDIA), more="Content-Encoding: gzip\r\n")
    assert bring(url, fetched) == MEDIA


def test_a_compression_bomb_is_cut_at_the_limit(server: MediaServer, fetched: Path) -> None:
    url = server.serve("/a", gzip.compress(bytes(50 * 10**6)), more="Content-Encoding: gzip\r\n")
    assert "larger than 1 MB" in refusal(url, fetched).reason
    assert fetched.stat().st_size <= 10**6


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


URL_OF_OWN = f"http://bucket.test:9000/duologue/{OWN.hex}/uploads/1/a.mp3"
URL_OF_FOREIGN = f"http://bucket.test:9000/duologue/{FOREIGN.hex}/uploads/1/a.mp3"


@pytest.fixture
def bucket() -> ShelfBucket:
    return ShelfBucket(**{f"{account.hex}/uploads/1/a.mp3": MEDIA for account in (OWN, FOREIGN)})


def test_an_object_of_the_callers_own_is_taken_from_the_bucket(bucket: ShelfBucket, fetched: Path) -> None:
    assert bring(f"{URL_OF_OWN}?X-Amz-Signature=1", fetched, ways=Ways(bucket)) == MEDIA


def test_anothers_object_answers_like_one_that_never_was(bucket: ShelfBucket, fetched: Path) -> None:
    missing = refusal(URL_OF_OWN.replace("a.mp3", "b.mp3"), fetched, ways=Ways(bucket))
    foreign = refusal(URL_OF_FOREIGN, fetched, ways=Ways(bucket))
    assert str(foreign) == str(missing)
    assert foreign.permanent
    assert missing.permanent
    assert not fetched.exists()


@pytest.mark.parametrize("step", ["..", "../x/..", ".", "", "..\\.."])
def test_no_key_walks_out_of_its_account(bucket: ShelfBucket, fetched: Path, step: str) -> None:
    key = f"{OWN.hex}/{step}/{FOREIGN.hex}/uploads/1/a.mp3"
    bucket.objects[key] = MEDIA
    assert "no such upload" in refusal(f"http://bucket.test:9000/duologue/{key}", fetched, ways=Ways(bucket)).reason


def test_a_redirect_into_the_bucket_opens_own_objects_only(
    server: MediaServer, bucket: ShelfBucket, fetched: Path
) -> None:
    assert bring(server.redirect("/own", URL_OF_OWN), fetched, ways=Ways(bucket, LOOPBACK)) == MEDIA
    error = refusal(server.redirect("/foreign", URL_OF_FOREIGN), fetched, ways=Ways(bucket, LOOPBACK))
    assert "no such upload" in error.reason


def test_an_object_over_the_limit_is_refused(bucket: ShelfBucket, fetched: Path) -> None:
    assert "is larger than" in refusal(URL_OF_OWN, fetched, max_bytes=100, ways=Ways(bucket)).reason


def test_a_bucket_that_is_away_is_not_the_callers_fault(bucket: ShelfBucket, fetched: Path) -> None:
    bucket.is_away = True
    with pytest.raises(StorageError):
        bring(URL_OF_OWN, fetched, ways=Ways(bucket))


BASE64 = base64.b64encode(MEDIA).decode()


@pytest.mark.parametrize(
    "source",
    [
        MEDIA,
        BASE64,
        f"  {BASE64}\n",
        "\n".join(BASE64[at : at + 76] for at in range(0, len(BASE64), 76)),
        BASE64.rstrip("="),
        BASE64.rstrip("=") + "==",
        base64.urlsafe_b64encode(MEDIA).decode(),
        f"data:audio/mpeg;base64,{BASE64}",
        f"DATA:;BASE64,{BASE64}",
        f"data:audio/mpeg;charset=x;base64,{BASE64.replace('=', '%3D')}",
        "data:audio/wav," + "".join(f"%{byte:02X}" for byte in MEDIA),
    ],
    ids=["bytes", "bare", "spaces", "lines", "unpadded", "overpadded", "urlsafe", "uri", "upper", "escaped", "percent"],
)
def test_media_inside_the_request_is_decoded_in_all_its_forms(fetched: Path, source: Source) -> None:
    assert bring(source, fetched) == MEDIA


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("", "empty"),
        (b"", "empty"),
        ("data:audio/wav;base64,", "empty"),
        ("data:audio/wav;base64", "comma"),
        ("ftp://example.com/a.mp3", "ftp: is not supported"),
        ("javascript:alert(1)", "javascript: is not supported"),
        ("../etc/passwd", "neither"),
        ("C:/a.mp3", "C: is not supported"),
        ("not base64 at all!", "neither"),
        ("AAAA=AAA", "neither"),
        ("ÄÖÜ=", "neither"),
        (BASE64.rstrip("=") + "AAA", "cut off"),
        (base64.b64encode(b"hello, I am text").decode(), "is text"),
        (base64.b64encode(b"<html><body>").decode(), "is a web page"),
        (b"hello, I am text", "is text"),
    ],
)
def test_what_is_no_media_inside_the_request_is_refused(fetched: Path, source: Source, word: str) -> None:
    error = refusal(source, fetched)
    assert any(part in error.reason for part in word.split("|"))
    assert error.permanent


@pytest.mark.parametrize(
    "source", [MEDIA, BASE64, f"data:;base64,{BASE64}", "data:," + "%ff" * 1000, "data:," + "x" * 10**5]
)
def test_media_inside_the_request_has_the_same_limit(fetched: Path, source: Source) -> None:
    assert "is larger than" in refusal(source, fetched, max_bytes=999).reason
