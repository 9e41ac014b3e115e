"""Compares what we think the upstream costs us with its own bill."""

from datetime import timedelta

import anyio
from anyio.to_thread import run_sync

from jobs import settings, timetable, upstream
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import UpstreamError
from workers.forwarding import reconciling

THOROUGH_SECONDS = 3600.0
"""So often tries are asked about that are older than that: most bills say all there is to say within minutes."""


def run_once() -> int:
    """Read the bill of every key; how many tries are settled by it.

    Raises UpstreamError where there is no bill of one; those of the others are read by then.
    """
    return anyio.run(_reconcile) if "cloud" in settings.load().engines else 0


async def _reconcile() -> int:
    keys = upstream.configured()
    done, failures = 0, list[UpstreamError]()
    async with Client(settings.load().wavespeed_url, keys) as client:
        for key in keys:
            try:
                done += await _reconcile_key(client, key.name)
            except UpstreamError as error:
                failures.append(error)
    if failures:
        raise failures[0]
    return done


async def _reconcile_key(client: Client, upstream_key: str) -> int:
    turn = f"reconcile_all_{upstream_key}"
    is_thorough = await run_sync(timetable.take, turn, THOROUGH_SECONDS)
    at_most = timedelta(days=365) if is_thorough else timedelta(seconds=THOROUGH_SECONDS)
    try:
        return await reconciling.reconcile(client, upstream_key, at_most)
    except UpstreamError:
        if is_thorough:
            await run_sync(timetable.give_back, turn)
        raise
