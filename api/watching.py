"""Watches jobs for everybody who waits at this door: one question to Postgres a tick, however many there are."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.types import Receive

from api import stopping
from jobs import accounts, listing, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import TooMany, Unavailable
from jobs.listing import Glimpse
from jobs.rules.states import State
from jobs.tables import Event

TICK_SECONDS = 0.5
KEYS_SECONDS = 5.0
"""How often the keys of those who listen are looked up again, all with one question."""
PLACES = 1000
"""How many may wait before streams are refused: each costs a connection and some memory of this process."""
ACCOUNT_PLACES = 250
"""How many streams one account may have open here, so that it leaves room for others."""


class Watch:
    """One watched job as it was last seen, shared by all who watch it; `changed` is replaced whenever it is set."""

    def __init__(self) -> None:
        self.status: State | None = None
        self.stage = ""
        self.progress = 0.0
        self.changed = anyio.Event()
        self.watchers = 0
        self._happened: list[Event] = []
        self._is_closed = False

    @property
    def is_over(self) -> bool:
        """Nothing more will be seen: the job is final or no longer there, or the door closes."""
        return self._is_closed or (self.status is not None and self.status.is_final)

    @property
    def last_id(self) -> int:
        return self._happened[-1].id if self._happened else 0

    def since(self, last_id: int) -> list[Event]:
        """What happened after the event of that id."""
        return [event for event in self._happened if event.id > last_id]

    async def until(self, is_so: Callable[[State], bool]) -> None:
        """Wait for a state that is so, or until nothing more will be seen."""
        while not (self.is_over or (self.status is not None and is_so(self.status))):
            await self.changed.wait()

    def learn(self, glimpse: Glimpse | None, seen: int) -> None:
        """Take in what was found after the event `seen`; None when the job is no longer there."""
        if glimpse is None:
            self.close()
            return
        if (glimpse.happened[-1].id if glimpse.happened else seen) < self.last_id:
            return  # an answer that was overtaken by a later one
        before = (self.status, self.stage, self.progress, self.last_id)
        self._happened += [event for event in glimpse.happened if event.id > self.last_id]
        self.status, self.stage, self.progress = glimpse.status, glimpse.stage, glimpse.progress
        if before != (self.status, self.stage, self.progress, self.last_id):
            self._tell()

    def close(self) -> None:
        self._is_closed = True
        self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()


class Ear:
    """One listener to an endpoint: `news` is set when there may be something to pull, `scope` cancelled to end it."""

    def __init__(self) -> None:
        self.news = anyio.Event()
        self.scope = anyio.CancelScope()


class Hub:
    """Who waits for which job in this process. Everything here happens in the one event loop, so nothing is locked."""

    def __init__(
        self,
        tick_seconds: float = TICK_SECONDS,
        places: int = PLACES,
        keys_seconds: float = KEYS_SECONDS,
        account_places: int = ACCOUNT_PLACES,
    ) -> None:
        self._tick_seconds = tick_seconds
        self._keys_seconds = keys_seconds
        self._places = places
        self._account_places = account_places
        self._watched: dict[uuid.UUID, Watch] = {}
        self._listening: dict[anyio.CancelScope, uuid.UUID] = {}
        self._ears: dict[uuid.UUID, Ear] = {}
        self._streams: Counter[uuid.UUID] = Counter()
        self._is_closed = False

    @property
    def watchers(self) -> int:
        """How many are waiting."""
        return sum(watch.watchers for watch in self._watched.values())

    @property
    def is_full(self) -> bool:
        return self.watchers + len(self._ears) >= self._places

    @contextmanager
    def stream_of(self, account_id: uuid.UUID | None, endpoint_id: uuid.UUID | None = None) -> Iterator[None]:
        """Have a place for one more stream, of an account if of any. Raises Unavailable and TooMany.

        Whoever replaces the listener to an endpoint is never refused: the one before goes.
        """
        replaces = endpoint_id in self._ears
        if self.is_full and not replaces:
            raise Unavailable("Too many streams are open here; come back a little later.", retry_after_seconds=5)
        if account_id is None:
            yield
            return
        if self._streams[account_id] >= self._account_places and not replaces:
            raise TooMany(
                f"The account has {self._account_places} streams open here already; close one first.",
                retry_after_seconds=5,
            )
        self._streams[account_id] += 1
        try:
            yield
        finally:
            self._streams[account_id] -= 1
            self._streams += Counter()  # without those who have none left

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look after the watched jobs meanwhile; everybody's wait ends as soon as this process is told to stop."""
        self._is_closed = False
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look_again_and_again)
            with stopping.heard(self.close):
                yield
            tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def watch(self, job_id: uuid.UUID) -> AsyncIterator[Watch]:
        """Watch a job that the caller is known to own, from how it stands now on.

        While the database is away nothing is known of it, and then what is found when it is back.
        """
        watch = self._watched.setdefault(job_id, Watch())
        watch.watchers += 1
        try:
            with suppress(Unavailable):
                await self._look({job_id: watch})
            if self._is_closed:
                watch.close()
            yield watch
        finally:
            watch.watchers -= 1
            if watch.watchers == 0:
                del self._watched[job_id]

    @contextmanager
    def listen(self, endpoint_id: uuid.UUID) -> Iterator[Ear]:
        """Hear of news for an endpoint. Whoever listened to it before is ended: its client may have gone unnoticed."""
        if before := self._ears.get(endpoint_id):
            before.scope.cancel()
        ear = self._ears[endpoint_id] = Ear()
        if self._is_closed:
            ear.scope.cancel()
        try:
            yield ear
        finally:
            if self._ears.get(endpoint_id) is ear:
                del self._ears[endpoint_id]

    @asynccontextmanager
    async def while_allowed(self, caller: Caller) -> AsyncIterator[None]:
        """Leave the block early, and quietly, soon after the caller's key has been revoked or may no longer read."""
        with anyio.CancelScope() as scope:
            self._listening[scope] = caller.key_id
            try:
                yield
            finally:
                del self._listening[scope]

    def close(self) -> None:
        """End every wait, and let no new one last."""
        self._is_closed = True
        for watch in self._watched.values():
            watch.close()
        for ear in self._ears.values():
            ear.scope.cancel()

    async def _look_again_and_again(self) -> None:
        keys_due = anyio.current_time() + self._keys_seconds
        try:
            while True:
                await anyio.sleep(self._tick_seconds)
                with suppress(Unavailable):
                    if self._watched:
                        await self._look(dict(self._watched))
                    if self._ears:
                        await self._ask_for_news(set(self._ears))
                    if self._listening and anyio.current_time() >= keys_due:
                        await self._look_up(set(self._listening.values()))
                        keys_due = anyio.current_time() + self._keys_seconds
        finally:
            self.close()

    async def _look(self, watched: dict[uuid.UUID, Watch]) -> None:
        seen = {job_id: watch.last_id for job_id, watch in watched.items()}
        # Nobody need wait for an answer that nobody wants any more: it is only read.
        found = await anyio.to_thread.run_sync(listing.glimpses, seen, abandon_on_cancel=True)
        for job_id, watch in watched.items():
            watch.learn(found.get(job_id), seen[job_id])

    async def _ask_for_news(self, endpoint_ids: Collection[uuid.UUID]) -> None:
        found = await anyio.to_thread.run_sync(webhooks.with_news, endpoint_ids, abandon_on_cancel=True)
        for endpoint_id in found & self._ears.keys():
            self._ears[endpoint_id].news.set()

    async def _look_up(self, key_ids: Collection[uuid.UUID]) -> None:
        allowed = await anyio.to_thread.run_sync(_still_allowed, key_ids, abandon_on_cancel=True)
        for scope, key_id in self._listening.items():
            if key_id in key_ids and key_id not in allowed:
                scope.cancel()


def hub_of(request: Request) -> Hub:
    """The hub of the application that serves `request`."""
    hub: Hub = request.app.state.hub
    return hub


@asynccontextmanager
async def while_connected(receive: Receive) -> AsyncIterator[None]:
    """Leave the block early, and quietly, when the client goes away."""
    async with anyio.create_task_group() as tasks:

        async def notice() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(notice)
        yield
        tasks.cancel_scope.cancel()


def _still_allowed(key_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    with transaction() as session:
        return accounts.still_allowed(session, key_ids, "read")
