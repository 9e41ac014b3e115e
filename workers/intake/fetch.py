"""Fetches one input into a file: from a URL through the guard, from our own bucket, or from the request itself."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobs.errors import MediaError, StorageError
from jobs.rules import keys
from jobs.rules.addresses import ANYWHERE, Network, why_not_url
from workers import guard
from workers.intake.inline import too_large, write_bytes, write_inline
from workers.intake.limits import Limits
from workers.intake.prose import what_text
from workers.intake.receive import Asked, receive, told_as_media_error

Source = str | bytes
"""An http(s) URL, a `data:` URI or bare base64; or the bytes themselves."""


class Bucket(Protocol):
    """Our own bucket, as far as fetching needs it."""

    def own_key(self, url: str) -> str | None:
        """Find the key a link into our bucket names, by exact host and port; None for every other URL."""

    def download(self, key: str, destination: Path, max_bytes: int) -> None:
        """Stream an object into a file, giving up beyond `max_bytes`. Raises StorageError, permanent when missing."""


@dataclass(frozen=True)
class Wanted:
    """One input to fetch, for whom, and how many bytes of it are taken."""

    field: str
    source: Source
    account_id: uuid.UUID
    max_bytes: int


@dataclass(frozen=True)
class Ways:
    """By which ways inputs come here. `check` is called between pieces; what it raises ends the fetch."""

    bucket: Bucket
    allowed_networks: Collection[Network] = ()
    resolve: guard.Resolver | None = None
    check: Callable[[], None] = lambda: None


def fetch(wanted: Wanted, destination: Path, limits: Limits, ways: Ways) -> None:
    """Bring `wanted` into `destination`, overwriting it.

    Raises MediaError, permanent unless another try may help, and StorageError when our own bucket is away.
    """
    if isinstance(wanted.source, bytes):
        write_bytes(wanted.field, wanted.source, destination, wanted.max_bytes)
    elif (url := wanted.source.strip()).lower().startswith(("http://", "https://")):
        _follow(wanted, url, destination, limits, ways)
    else:
        write_inline(wanted.field, url, destination, wanted.max_bytes)
    if kind := what_text(destination):
        raise MediaError(wanted.field, f"is {kind}, not media")


def _follow(wanted: Wanted, url: str, destination: Path, limits: Limits, ways: Ways) -> None:
    """Go where the URL leads, at most `redirects_max` times further, every hop judged like the first."""
    with guard.client(
        ways.allowed_networks,
        timeout_seconds=limits.idle_seconds,
        deadline_seconds=limits.fetch_seconds,
        resolve=ways.resolve,
    ) as client:
        hop = url
        for _ in range(limits.redirects_max + 1):
            ways.check()
            # The form first: a bucket that is asked about what is no URL may stumble over it.
            _refuse(wanted.field, why_not_url(hop, ANYWHERE))
            if (key := ways.bucket.own_key(hop)) is not None:
                return _download(wanted, key, destination, ways.bucket)
            _refuse(wanted.field, why_not_url(hop, ways.allowed_networks))
            with told_as_media_error(wanted.field, limits):
                further = receive(client, Asked(wanted.field, hop, wanted.max_bytes), destination, ways.check)
            if further is None:
                return None
            hop = further
    raise MediaError(wanted.field, f"the URL redirects more than {limits.redirects_max} times")


def _refuse(field: str, reason: str | None) -> None:
    if reason:
        raise MediaError(field, reason)


def _download(wanted: Wanted, key: str, destination: Path, bucket: Bucket) -> None:
    """Take the caller's own object. Another account's answers like one that never was."""
    missing = MediaError(wanted.field, "there is no such upload; it may have expired")
    if not keys.is_of(wanted.account_id, key):
        raise missing
    try:
        bucket.download(key, destination, wanted.max_bytes)
    except StorageError as error:
        if error.permanent:
            raise missing from None
        raise
    size_bytes = destination.stat().st_size
    if not size_bytes:
        raise MediaError(wanted.field, "is empty")
    if size_bytes > wanted.max_bytes:
        raise too_large(wanted.field, wanted.max_bytes)
