"""Everything one running fake holds, made from its plan."""

import asyncio
import tempfile
from collections.abc import Coroutine
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.fake_wavespeed.accounts import Account
from cli.fake_wavespeed.bill import Bill
from cli.fake_wavespeed.calls import Calls
from cli.fake_wavespeed.faults import Faults
from cli.fake_wavespeed.media import Fetcher
from cli.fake_wavespeed.plan import Plan
from cli.fake_wavespeed.predictions import Book
from cli.fake_wavespeed.webhooks import Messenger
from jobs import clock


class World:
    """Opened inside the event loop that it lives in."""

    def __init__(self, plan: Plan, base_url: str) -> None:
        self.plan = plan
        self.base_url = base_url
        self.faults = Faults(plan.seed, plan.faults)
        self.book = Book(plan.seed)
        self.bill = Bill()
        self.calls = Calls()
        self.tickets: dict[str, tuple[int, str]] = {}
        """Bytes and content type of each file that was or may be uploaded, by its token."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        plan, loop = self.plan, asyncio.get_running_loop()
        self.accounts = {key.text: Account(n, key, plan, loop.time) for n, key in enumerate(plan.keys, 1)}
        self.fetcher = Fetcher()
        self.messenger = Messenger(self.base_url, plan.webhook_tries, plan.late_seconds)
        self._folder = tempfile.TemporaryDirectory(prefix="fake-wavespeed-")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.fetcher.close()
        await self.messenger.close()
        self._folder.cleanup()

    @property
    def uploads(self) -> Path:
        """Where uploaded files lie for as long as the fake runs."""
        return Path(self._folder.name)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Have `work` done beside everything else; it ends with the fake at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def listed_at(self, now: datetime, *, lags: bool) -> datetime:
        """When a prediction taken at `now` comes into the list."""
        return now + timedelta(seconds=self.plan.list_lag_seconds + (self.plan.late_seconds if lags else 0.0))

    def now(self) -> datetime:
        """The moment by its own clock, which the plan may have be wrong."""
        return clock.now() + timedelta(seconds=self.plan.clock_ahead_seconds)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            asyncio.get_running_loop().call_exception_handler({"message": "the fake has an error", "exception": error})
