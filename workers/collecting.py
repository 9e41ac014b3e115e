"""Fetches a finished video from the upstream into the bucket, for a claimed job; no byte of it touches the disk."""

from functools import cache

import httpx

from jobs import storage
from jobs.lifecycle import Claim, Output
from jobs.rules import keys
from workers.engines.cloud import transfer
from workers.engines.cloud.mp4 import Film
from workers.lease import Lease

_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 60.0
_UNREAD = Film(width=0, height=0, frames=0, seconds=0.0)
"""Of a video that is whole, in a form whose index we do not read: it is paid for, and its caller can play it."""


def collect(claim: Claim, lease: Lease) -> Output:
    """Bring the video of `claim`'s arrival under this holder's own key.

    Raises OutputMissing or OutputBroken where the upstream does not give it, StorageError where the bucket does not
    take it, Stopped.
    """
    assert claim.arrival is not None  # noqa: S101 - only what has arrived is collected
    lease.report("collecting", 0.0)
    key = keys.video(claim.account_id, claim.job_id, claim.fence)
    with storage.writing(key, "video/mp4") as writer:
        carried = transfer.carry(_source(), claim.arrival.url, writer, check=lease.check, pause=lease.pause)
    film = carried.film or _UNREAD
    return Output(
        key=key,
        bytes=carried.bytes,
        sha256=carried.sha256,
        width=film.width,
        height=film.height,
        frames=film.frames,
        seconds=film.seconds,
        is_flagged=claim.arrival.is_flagged,
    )


@cache
def _source() -> httpx.Client:
    """Connections of this process to where the upstream keeps its videos."""
    return httpx.Client(timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS))
