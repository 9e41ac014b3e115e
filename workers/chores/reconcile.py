"""Compares what we think the upstream costs us with its own bill."""

import anyio

from jobs import settings, upstream
from workers.engines.cloud.client import Client
from workers.forwarding import reconciling


def run_once() -> int:
    """Read the bill of every key; how many tries are settled by it. Raises UpstreamError while there is no bill."""
    return anyio.run(_reconcile) if "cloud" in settings.load().engines else 0


async def _reconcile() -> int:
    keys = upstream.configured()
    async with Client(settings.load().wavespeed_url, keys) as client:
        return sum([await reconciling.reconcile(client, key.name) for key in keys])
