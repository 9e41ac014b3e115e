"""Reads the upstream's bill, and has every try count for what it was charged, less what was given back."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal

from anyio.to_thread import run_sync

from jobs import clock
from jobs.lifecycle import costing
from workers.engines.cloud.client import Client
from workers.engines.cloud.replies import Billing

_EARLIER = timedelta(minutes=5)
"""Not all of the upstream's servers need agree on the time."""


async def reconcile(client: Client, upstream_key: str, at_most: timedelta) -> int:
    """Bring the tries of a key in line with the bill; how many are done with. Raises UpstreamError, Unavailable.

    Those older than `at_most` wait for a more thorough turn.
    """
    unbilled = await run_sync(costing.unbilled_since, upstream_key)
    if unbilled is None:
        return 0
    since = max(unbilled, clock.now() - at_most)
    ahead = await client.now(upstream_key) - clock.now()
    bill = client.billings(upstream_key, since=since + ahead - _EARLIER, until=clock.now() + ahead + _EARLIER)
    return await run_sync(costing.charge, upstream_key, since, sum_up([entry async for entry in bill]))


def sum_up(entries: Iterable[Billing]) -> dict[str, Decimal]:
    """What each prediction costs in the end. An entry may come twice: what is charged meanwhile moves the pages on."""
    charged_usd: dict[str, Decimal] = defaultdict(Decimal)
    for entry in {entry.uuid: entry for entry in entries}.values():
        if entry.prediction_id is not None:
            is_deducted = entry.billing_type == "deduct"
            charged_usd[entry.prediction_id] += entry.price_usd if is_deducted else -entry.price_usd
    return dict(charged_usd)
