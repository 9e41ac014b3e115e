"""Fetches a finished video from the upstream into the bucket, for a claimed job; no byte of it touches the disk."""

from functools import cache

import anyio
import httpx

from jobs import settings, storage, upstream
from jobs.lifecycle import Arrival, Claim, Output
from jobs.rules import keys
from workers.engines.cloud import transfer
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import NotReached, OutputBroken, OutputMissing, UpstreamError
from workers.engines.cloud.mp4 import Film
from workers.engines.cloud.transfer import Carried
from workers.lease import Lease

_CONNECT_SECONDS = 10.0
_SILENCE_SECONDS = 60.0
_UNREAD = Film(width=0, height=0, frames=0, seconds=0.0)
"""Of a video that is whole, in a form whose index we do not read: it is paid for, and its caller can play it."""


def collect(claim: Claim, lease: Lease) -> Output:
    """Bring the video of `claim`'s arrival under this holder's own key.

    Raises OutputMissing, OutputBroken or NotReached where the upstream does not give it, StorageError where the bucket
    does not take it, Stopped.
    """
    assert claim.arrival is not None  # noqa: S101 - only what has arrived is collected
    lease.report("collecting", 0.0)
    key = keys.video(claim.account_id, claim.job_id, claim.fence)
    try:
        carried = _carry(claim.arrival.url, key, lease)
    except (OutputMissing, OutputBroken, NotReached):
        url = anyio.run(_url_today, claim.arrival)
        if url is None or url == claim.arrival.url:
            raise
        carried = _carry(url, key, lease)
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


def _carry(url: str, key: str, lease: Lease) -> Carried:
    with storage.writing(key, "video/mp4") as writer:
        return transfer.carry(_source(), url, writer, check=lease.check, pause=lease.pause)


async def _url_today(arrival: Arrival) -> str | None:
    """Where the upstream says that the video is today; links and hosts may have an end. None while it does not say."""
    async with Client(settings.load().wavespeed_url, upstream.configured()) as client:
        try:
            prediction = await client.prediction(arrival.upstream_key, arrival.upstream_id)
        except UpstreamError:
            return None
    return next(iter(prediction.outputs), None)


@cache
def _source() -> httpx.Client:
    """Connections of this process to where the upstream keeps its videos."""
    return httpx.Client(timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS))
