"""Speaks to the upstream, with one or several keys, for many jobs at once; knows its contract and nothing of ours.

What may be asked again is asked again, a little later. A submit is sent once: when its answer does not come, it may
have been taken, and OutcomeUnknown says so.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Final, Self

from jobs import clock
from jobs.rules.tiers import UpstreamKey
from workers.engines.cloud import calls, uploading
from workers.engines.cloud.calls import Patience, Question
from workers.engines.cloud.errors import Away, Busy, NotReached, Unreadable, UpstreamError
from workers.engines.cloud.line import Line, Request
from workers.engines.cloud.replies import Billing, Content, Prediction, PredictionPage
from workers.engines.cloud.uploading import Parcel

PAGE_SIZE: Final = 100
_PAGES_AT_ONCE: Final = 4
PAGES_MAX: Final = 2000
"""A list that has more does not end at all: its upstream does not count pages as we do."""


class Client:
    """Opened with `async with`, in the event loop that it lives in. Every `key` is an UpstreamKey's name.

    Every method raises UpstreamError, one of the tree in errors.py.
    """

    def __init__(self, base_url: str, keys: Iterable[UpstreamKey], patience: Patience | None = None) -> None:
        self._line = Line(base_url, keys)
        self._patience = patience or Patience()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._line.close()

    async def now(self, key: str) -> datetime:
        """The moment by the upstream's own clock, which may differ from ours; what is asked by time is asked by it."""
        if self._line.now is None:
            await self.balance_usd(key)
        return self._line.now or clock.now()

    async def submit(
        self,
        key: str,
        model: str,
        inputs: Mapping[str, object],
        webhook_url: str | None = None,
        *,
        may_leave: Callable[[], bool] = lambda: True,
    ) -> Prediction:
        """Hand in a job, once. Raises OutcomeUnknown when it may have been taken; any other error says it was not.

        `may_leave` is asked in the moment its first byte would leave us; Abandoned says that it did not.
        """
        query = {"webhook": webhook_url} if webhook_url else None
        return await self._ask(calls.SUBMIT, key, Request(f"/api/v3/{model}", inputs, query, may_leave))

    async def prediction(self, key: str, prediction_id: str) -> Prediction:
        """The job as it stands. Raises Refused with status 404 when the upstream has none of that id."""
        return await self._ask(calls.RESULT, key, Request(f"/api/v3/predictions/{prediction_id}/result"))

    async def predictions(
        self, key: str, *, since: datetime, model: str | None = None, with_inputs: bool = False
    ) -> AsyncGenerator[Prediction, None]:
        """Every job created since then, newest first; the list may lag behind submits.

        A job that is submitted meanwhile may push one on to the next page, which is then seen twice. Of a long list
        several pages are asked for at a time.
        """
        form = {"page_size": PAGE_SIZE, "created_after": since.isoformat(), "include_inputs": with_inputs}
        form |= {"model": model} if model else {}

        async def page(number: int) -> PredictionPage:
            return await self._ask(calls.LIST, key, Request("/api/v3/predictions", form | {"page": number}))

        first, together = 1, 1
        while first <= PAGES_MAX:
            for found in await asyncio.gather(*map(page, range(first, first + together))):
                for prediction in found.items:
                    yield prediction
                if len(found.items) < PAGE_SIZE:
                    return
            first, together = first + together, min(2 * together, _PAGES_AT_ONCE)
        raise _endless(calls.LIST, key)

    async def cancel(self, key: str, prediction_id: str) -> None:
        """Ask once to stop a job; the upstream may let it end, and charge it, all the same."""
        await self._ask(calls.CANCEL, key, Request(f"/api/v3/predictions/{prediction_id}"))

    async def balance_usd(self, key: str) -> Decimal:
        return (await self._ask(calls.BALANCE, key, Request("/api/v3/balance"))).balance

    async def price_usd(self, key: str, model: str, inputs: Mapping[str, object]) -> Decimal:
        """What a job would cost; the base price while the length of its voices is not known."""
        form = {"model_id": model, "inputs": inputs}
        return (await self._ask(calls.PRICE, key, Request("/api/v3/model/price", form))).price

    async def billings(self, key: str, *, since: datetime, until: datetime) -> AsyncIterator[Billing]:
        """What was charged and given back in that time, newest first."""
        form = {"page_size": PAGE_SIZE, "start_time": since.isoformat(), "end_time": until.isoformat()}
        for number in range(1, PAGES_MAX + 1):
            asked = form | {"page": number}
            page = await self._ask(calls.BILLINGS, key, Request("/api/v3/billings/search", asked))
            for billing in page.items:
                yield billing
            if not page.has_more:
                return
        raise _endless(calls.BILLINGS, key)

    async def models(self, key: str) -> frozenset[str]:
        """The ids of all models the upstream has."""
        offers = await self._ask(calls.MODELS, key, Request("/api/v3/models"))
        return frozenset(offer.model_id for offer in offers)

    async def webhook_secret(self, key: str) -> str:
        """What the webhooks of this key are signed with."""
        return (await self._ask(calls.SECRET, key, Request("/api/v3/webhook/secret"))).secret

    async def upload(self, key: str, parcel: Parcel) -> str:
        """Put a file where the upstream can read it; its URL, which is no other upload's.

        When the file does not arrive, the next try has a ticket and a URL of its own.
        """
        for tried in count(1):
            ticket = await self._ask(calls.TICKET, key, Request("/api/v3/media/uploads", parcel.form()))
            try:
                await uploading.put(self._line, ticket.upload, parcel)
            except (Away, NotReached) as error:
                await self._pause(tried, error)
            else:
                return ticket.download_url
        raise AssertionError

    async def _ask(self, question: Question[Content], key: str, asked: Request) -> Content:
        """Ask, and again if that is safe."""
        for tried in count(1):
            try:
                return await self._line.ask(question, key, asked)
            except NotReached as error:
                await self._pause(tried, error)
            except (Away, Busy, Unreadable) as error:
                if not question.call.changes_nothing:
                    raise
                await self._pause(tried, error)
        raise AssertionError

    async def _pause(self, tried: int, error: UpstreamError) -> None:
        """Wait before the next try; raises `error` when there is to be none."""
        chance = random.random()  # noqa: S311 - spreads tries in time, guards nothing
        pause_seconds = self._patience.pause_seconds(tried, error.pause_seconds, chance)
        if pause_seconds is None:
            raise error
        await asyncio.sleep(pause_seconds)


def _endless(question: Question[Content], key: str) -> Unreadable:
    return Unreadable(f"WaveSpeed's answer to {question.call.what} has no last page.", key=key)
