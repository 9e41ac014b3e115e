"""Lets a test ask an upstream through our client, in an event loop of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest

from cli.fake_wavespeed.plan import read_keys as fake_keys
from jobs.errors import EngineError
from jobs.rules.tiers import UpstreamKey, read_keys
from tests.fakes.wavespeed import QUICK, SOLO
from workers.engines.cloud.calls import Patience
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import UpstreamError
from workers.engines.cloud.replies import Prediction

Found = TypeVar("Found")

KEYS = read_keys("fake-key:ultra,other-key:gold")
KEY, OTHER = (key.name for key in KEYS)
FORM = {"image": "https://example.com/a.png", "audio": "https://example.com/a.wav"}
CHOICES = QUICK | {"keys": fake_keys("fake-key=ultra,other-key=gold")}
LONG_AGO = datetime.now(UTC) - timedelta(days=1)
AT_ONCE = Patience(tries=3, first_pause_seconds=0.001)


def ask(
    url: str,
    work: Callable[[Client], Awaitable[Found]],
    keys: tuple[UpstreamKey, ...] = KEYS,
    patience: Patience = AT_ONCE,
) -> Found:
    """What `work` makes of a client that is opened for it."""

    async def asked() -> Found:
        async with Client(url, keys, patience) as client:
            return await work(client)

    return asyncio.run(asked())


async def listed(found: AsyncIterator[Found]) -> list[Found]:
    return [one async for one in found]


def submit(client: Client) -> Awaitable[Prediction]:
    return client.submit(KEY, SOLO, FORM)


def balance(client: Client) -> Awaitable[Decimal]:
    return client.balance_usd(KEY)


def failure(
    url: str,
    work: Callable[[Client], Awaitable[object]],
    patience: Patience = AT_ONCE,
    keys: tuple[UpstreamKey, ...] = KEYS,
) -> UpstreamError:
    """The error `work` ends in; to the rest of the house it is an EngineError."""
    with pytest.raises(UpstreamError) as caught:
        ask(url, work, keys, patience)
    assert isinstance(caught.value, EngineError)
    return caught.value
