"""Delivers webhooks that are due: takes them up in batches, posts many at once, and writes down how each post went.

It needs only Postgres. What it holds when it dies is free again after `hold_seconds`, and is then posted once more with
the same id. Several couriers may run.
"""

import threading
import time
import traceback
import uuid

import anyio
import anyio.to_thread
import httpx
from anyio.abc import TaskGroup

from jobs import clock, events, settings, webhooks
from jobs.errors import Unavailable
from jobs.rules.deliveries import Tried
from jobs.webhooks import Batch, Letter, Outcome
from jobs.webhooks.taking import START, hold_seconds
from workers import guard_async, posting
from workers.lanes import FRESH, Lane, Lanes

HELD_MAX = 2000
TAKE_MAX = 400
IDLE_SECONDS = 0.2
BUSY_SECONDS = 0.04
STOP_SECONDS = 3.0
_OUTAGE_SECONDS = 1.0


def keep(stop: threading.Event) -> None:
    """Deliver until told to stop. A fault of ours costs what is held a repetition, never the courier."""
    while not stop.is_set():
        try:
            anyio.run(deliver, stop)
        except Exception:  # noqa: BLE001 - the edge of the courier: a bug met with one delivery must not end the rest
            events.emit("courier.failed", reason=traceback.format_exc())
            stop.wait(_OUTAGE_SECONDS)


async def deliver(stop: threading.Event, client: httpx.AsyncClient | None = None) -> None:
    """Deliver what is due until `stop` is set; then end what is on its way, or hand it back."""
    async with client or _client() as opened:
        await Courier(opened).run(stop)


def _client() -> httpx.AsyncClient:
    chosen = settings.load()
    return guard_async.client(
        chosen.webhook_networks, timeout_seconds=chosen.webhook_seconds, http_anywhere=chosen.webhook_http
    )


class Courier:
    """One courier's hands. Everything here happens in the one event loop; only questions to Postgres leave it."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._lanes = Lanes()
        self._ended: list[Outcome] = []
        self._unposted: list[Letter] = []
        self._news = anyio.Event()
        self._told = ""

    async def run(self, stop: threading.Event) -> None:
        async with anyio.create_task_group() as clerk:
            clerk.start_soon(self._settle_again_and_again)
            async with anyio.create_task_group() as posts:
                await self._take_again_and_again(stop, posts)
                self._give_back(self._lanes.give_back())
                posts.cancel_scope.deadline = anyio.current_time() + STOP_SECONDS
            clerk.cancel_scope.cancel()
        await self._settle()

    async def _take_again_and_again(self, stop: threading.Event, posts: TaskGroup) -> None:
        """Walk over the lanes, and rest at the end of a walk that found nothing."""
        after = START
        while not stop.is_set():
            most = min(TAKE_MAX, HELD_MAX - self._lanes.held)
            batch = await self._take(most, after) if most > 0 else None
            if batch is None:
                await anyio.sleep(BUSY_SECONDS)
                continue
            for lane in self._lanes.take_in(batch.letters):
                posts.start_soon(self._work, lane, posts)
            is_idle = not batch.letters and batch.is_whole and after == START
            after = batch.after
            await anyio.sleep(IDLE_SECONDS if is_idle else BUSY_SECONDS)

    async def _take(self, most: int, after: uuid.UUID) -> Batch | None:
        try:
            batch = await anyio.to_thread.run_sync(webhooks.take, most, self._lanes.rooms(), FRESH, after)
        except Unavailable as error:
            await self._wait_out(error)
            return None
        self._told = ""
        return batch

    async def _work(self, lane: Lane, posts: TaskGroup) -> None:
        """Post what waits in `lane`, one after the other; others join in while there is room for more at once."""
        while lane.may_post:
            letter = lane.begin()
            if lane.may_post:
                posts.start_soon(self._work, lane, posts)
            outcome = None
            try:
                outcome = await self._carry(letter)
            finally:
                lane.posting -= 1
                self._lanes.held -= 1
                if outcome is None:  # too old to be ours, or cut off: somebody may take it up at once
                    self._give_back([letter])
            if outcome is not None:
                self._learn(lane, outcome)

    def _learn(self, lane: Lane, outcome: Outcome) -> None:
        self._ended.append(outcome)
        self._news.set()
        lane.learn(is_trouble=not outcome.tried.is_good and outcome.tried.is_trouble)
        if lane.is_failing:
            waiting = lane.give_back()
            self._lanes.held -= len(waiting)
            self._give_back(waiting)

    async def _carry(self, letter: Letter) -> Outcome | None:
        """Post it, unless it has waited here for so long that somebody else may have it by the end."""
        if time.monotonic() - letter.taken_at > hold_seconds() / 2:
            return None
        began_at = clock.now()
        try:
            return _told(await posting.post(self._client, letter, settings.load().webhook_seconds))
        except Exception as error:  # noqa: BLE001 - the edge of one post: a URL that upsets us must not stop the others
            trace = "".join(traceback.format_tb(error.__traceback__))  # without its words, which may hold the URL
            events.emit("courier.failed", reason=f"{trace}{type(error).__name__}")
            return Outcome(letter, Tried(began_at, clock.now(), error="it could not be posted, by a fault of ours"))

    def _give_back(self, letters: list[Letter]) -> None:
        self._unposted += letters
        self._news.set()

    async def _settle_again_and_again(self) -> None:
        while True:
            await self._news.wait()
            await anyio.sleep(BUSY_SECONDS)  # what ends together is written down together
            self._news = anyio.Event()
            await self._settle()

    async def _settle(self) -> None:
        """Write down all that is known. While Postgres is away it is kept; should we die, it is posted again."""
        ended, unposted = self._ended, self._unposted
        self._ended, self._unposted = [], []
        try:
            if ended:
                await anyio.to_thread.run_sync(webhooks.settle, ended)
                ended = []
            if unposted:
                await anyio.to_thread.run_sync(webhooks.hand_back, unposted)
        except Unavailable as error:
            self._ended, self._unposted = ended + self._ended, unposted + self._unposted
            self._news.set()
            await self._wait_out(error)

    async def _wait_out(self, error: Unavailable) -> None:
        """Say once that Postgres is away."""
        if self._told != str(error):
            events.emit("courier.failed", reason=str(error))
        self._told = str(error)
        await anyio.sleep(_OUTAGE_SECONDS)


def _told(outcome: Outcome) -> Outcome:
    """Say that it was posted, with its job: the post is part of that job's trace."""
    letter, tried = outcome.letter, outcome.tried
    if letter.job_id is not None:
        events.emit(
            "webhook.posted",
            job=letter.job_id.hex,
            traceparent=letter.traceparent,
            delivery=letter.delivery_id.hex,
            about=letter.kind,
            tries=letter.tries + 1,
            status=tried.status,
            outcome="delivered" if tried.is_good else "failed",
            seconds=(tried.ended_at - tried.began_at).total_seconds(),
        )
    return outcome
