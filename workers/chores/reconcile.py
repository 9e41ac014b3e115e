"""Compares what we think the upstream costs us with its own bill."""

from datetime import timedelta

import anyio
from anyio.to_thread import run_sync

from jobs import settings, timetable, upstream
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import KeyRefused, UpstreamError
from workers.forwarding import reconciling

THOROUGH_SECONDS = 3600.0
"""So often tries are asked about that are older than that: most bills say all there is to say within minutes."""
_AGAIN_SECONDS = 600.0
"""A long bill that broke off is read anew after so long: meanwhile what it says of the last hour counts."""


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
    lately = timedelta(seconds=THOROUGH_SECONDS)
    if not await run_sync(timetable.take, turn, THOROUGH_SECONDS):
        return await reconciling.reconcile(client, upstream_key, lately)
    try:
        return await reconciling.reconcile(client, upstream_key, timedelta(days=365))
    except KeyRefused:
        await run_sync(timetable.give_back, turn)
        raise
    except UpstreamError:
        await run_sync(timetable.give_back, turn, _AGAIN_SECONDS)
        await reconciling.reconcile(client, upstream_key, lately)
        raise
