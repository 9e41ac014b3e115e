"""Promises about where one input may come from: URLs, redirects, and the caller's own objects."""

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from jobs.errors import StorageError
from jobs.rules.addresses import Address
from tests.fakes.media_server import MediaServer
from tests.workers.intake.bringing import FOREIGN, LOOPBACK, MEDIA, OWN, ShelfBucket, bring, refusal
from workers.intake.fetch import Ways


@pytest.fixture
def server() -> Iterator[MediaServer]:
    with MediaServer() as running:
        yield running


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


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
        Path(__file__).as_uri(),
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


@pytest.mark.parametrize("name", ["%00.mp3", "a.mp3%0a", "a" * 1000 + ".mp3"])
def test_a_key_that_cannot_be_one_is_no_upload_and_the_bucket_is_not_asked(
    bucket: ShelfBucket, fetched: Path, name: str
) -> None:
    bucket.is_away = True
    error = refusal(URL_OF_OWN.replace("a.mp3", name), fetched, ways=Ways(bucket))
    assert error.permanent
    assert "no such upload" in error.reason


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
