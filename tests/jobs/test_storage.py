from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from jobs import clock, storage
from jobs.errors import StorageError
from tests import conftest


@pytest.fixture
def stored(bucket: str, tmp_path: Path) -> storage.Stored:
    (tmp_path / "a.mp4").write_bytes(b"0123456789")
    return storage.put(tmp_path / "a.mp4", "acme/jobs/1/a.mp4", "video/mp4")


def test_an_object_is_linked_with_its_type_length_and_ranges(stored: storage.Stored) -> None:
    link = storage.link(stored.key, 60)
    whole = httpx.get(link)
    assert (whole.content, whole.headers["content-type"], whole.headers["content-length"]) == (
        b"0123456789",
        "video/mp4",
        "10",
    )
    part = httpx.get(link, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


def test_links_are_signed_for_the_public_host_and_both_hosts_are_ours(
    stored: storage.Stored, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = database["DUOLOGUE_S3_ENDPOINT_URL"]
    public = inner.replace("127.0.0.1", "localhost")
    conftest.set_settings(monkeypatch, {"DUOLOGUE_S3_PUBLIC_URL": public})
    link = storage.link(stored.key, 60)
    assert link.startswith(public + "/")
    assert httpx.get(link).content == b"0123456789"
    assert storage.own_key(link) == stored.key
    assert storage.own_key(link.replace(public, inner)) == stored.key


def test_a_link_of_another_host_port_or_bucket_is_not_ours(stored: storage.Stored) -> None:
    link = storage.link(stored.key, 60)
    port = httpx.URL(link).port
    for other in (
        link.replace("127.0.0.1", "127.0.0.2"),
        link.replace(f":{port}", f":{(port or 0) + 1}"),
        link.replace("/duologue/", "/other/"),
        "http://[",
        "https://example.com/duologue/a.mp4",
    ):
        assert storage.own_key(other) is None


def test_a_promised_place_is_taken_once(bucket: str) -> None:
    url, headers = storage.link_to_put("acme/uploads/1/voice.wav", "audio/wav", 5, 60)
    assert httpx.put(url, content=b"first", headers=headers).status_code == 200
    assert httpx.put(url, content=b"again", headers=headers).status_code == 412
    assert httpx.get(storage.link("acme/uploads/1/voice.wav", 60)).content == b"first"


def test_a_promised_place_takes_only_the_promised_length(bucket: str) -> None:
    url, headers = storage.link_to_put("acme/uploads/2/voice.wav", "audio/wav", 5, 60)
    assert httpx.put(url, content=b"longer", headers=headers).status_code == 403
    assert storage.size("acme/uploads/2/voice.wav") is None


def test_a_missing_object_is_gone_for_good_and_says_so(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        storage.download("acme/none", tmp_path / "none", 10)
    assert caught.value.permanent
    assert storage.size("acme/none") is None


def test_what_is_longer_than_allowed_is_not_fetched(stored: storage.Stored, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="more than 9 bytes"):
        storage.download(stored.key, tmp_path / "a", 9)


def test_everything_below_a_prefix_can_be_removed(stored: storage.Stored) -> None:
    storage.remove(storage.keys_below("acme/jobs/1/"))
    assert storage.size(stored.key) is None
    storage.remove([stored.key])  # a second time does no harm


def test_readers_are_given_one_link_that_works_at_least_its_minimum(
    stored: storage.Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    conftest.set_settings(monkeypatch, {"DUOLOGUE_LINK_SECONDS": "604800", "DUOLOGUE_LINK_MIN_SECONDS": "60"})
    link = storage.steady_link(stored.key)
    query = dict(parse_qsl(urlsplit(link).query))
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
    assert signed_at + timedelta(seconds=int(query["X-Amz-Expires"])) >= clock.now() + timedelta(seconds=60)
    assert httpx.get(link).content == b"0123456789"
    assert storage.steady_link(stored.key) == link


@pytest.mark.parametrize("key", ["acme/a b+c&d=e.mp4", "acme/ü~(1)'%20.mp4"])
def test_a_link_is_good_whatever_letters_are_in_the_key(bucket: str, tmp_path: Path, key: str) -> None:
    (tmp_path / "a").write_bytes(b"letters")
    storage.put(tmp_path / "a", key, "video/mp4")
    assert httpx.get(storage.link(key, 60)).content == b"letters"
