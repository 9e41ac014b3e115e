"""Reads the upstream's bill, and has every try count for what it was charged, less what was given back."""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

from anyio.to_thread import run_sync

from jobs import clock
from jobs.lifecycle import costing
from workers.engines.cloud.client import Client

_EARLIER = timedelta(minutes=5)


async def reconcile(client: Client, upstream_key: str) -> int:
    """Bring the tries of a key in line with the bill; how many are done with. Raises UpstreamError, Unavailable."""
    unbilled = await run_sync(costing.unbilled_since, upstream_key)
    if unbilled is None:
        return 0
    charged_usd: dict[str, Decimal] = defaultdict(Decimal)
    async for entry in client.billings(upstream_key, since=unbilled - _EARLIER, until=clock.now() + _EARLIER):
        if entry.prediction_id is not None:
            is_deducted = entry.billing_type == "deduct"
            charged_usd[entry.prediction_id] += entry.price_usd if is_deducted else -entry.price_usd
    return await run_sync(costing.charge, upstream_key, dict(charged_usd))
