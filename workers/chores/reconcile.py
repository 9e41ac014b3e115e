"""Compares what we think the upstream costs us with its own bill."""

from datetime import timedelta

import anyio
from anyio.to_thread import run_sync

from jobs import settings, timetable, upstream
from workers.engines.cloud.client import Client
from workers.forwarding import reconciling

THOROUGH_SECONDS = 3600.0
"""So often tries are asked about that are older than that: most bills say all there is to say within minutes."""


def run_once() -> int:
    """Read the bill of every key; how many tries are settled by it. Raises UpstreamError while there is no bill."""
    return anyio.run(_reconcile) if "cloud" in settings.load().engines else 0


async def _reconcile() -> int:
    keys = upstream.configured()
    is_thorough = await run_sync(timetable.take, "reconcile_all", THOROUGH_SECONDS)
    at_most = timedelta(days=365) if is_thorough else timedelta(seconds=THOROUGH_SECONDS)
    async with Client(settings.load().wavespeed_url, keys) as client:
        return sum([await reconciling.reconcile(client, key.name, at_most) for key in keys])
