"""Brings one input here for a test, with a bucket that stands on a shelf."""

import uuid
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import unquote

import pytest

from jobs.errors import MediaError, StorageError
from workers.intake.fetch import Source, Wanted, Ways, fetch
from workers.intake.limits import Limits

OWN, FOREIGN = uuid.UUID(int=1), uuid.UUID(int=2)
LOOPBACK = (ip_network("127.0.0.1/32"),)
MEDIA = bytes(range(256)) * 100
LIMITS = Limits(fetch_seconds=120, idle_seconds=60)


class ShelfBucket:
    """A bucket at http://bucket.test:9000/duologue that holds what it is given."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects
        self.is_away = False

    def own_key(self, url: str) -> str | None:
        base = "http://bucket.test:9000/duologue/"
        return unquote(url.partition("?")[0].removeprefix(base)) if url.startswith(base) else None

    def download(self, key: str, destination: Path, max_bytes: int) -> None:
        if self.is_away:
            raise StorageError("could not fetch")
        if key not in self.objects:
            raise StorageError("the bucket would not fetch: 404", permanent=True)
        destination.write_bytes(self.objects[key][: max_bytes + 1])


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
