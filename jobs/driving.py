"""Lets what is written for a thread run in an event loop: while it waits for Postgres, the loop goes on with others.

A thread beside a busy loop takes turns with it at the interpreter, a few milliseconds each: that is longer than most
questions take. What is driven by a loop must not wait for anything else, neither for another thread nor for a lock.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.waiting import wait_async
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from sqlalchemy.util import await_only, greenlet_spawn
from sqlalchemy.util.concurrency import in_greenlet
from sqlalchemy.util.queue import Empty

Given = TypeVar("Given")
Answer = TypeVar("Answer")

_LOOK_SECONDS = 0.1
"""How often a connection that says nothing is looked at, besides whenever its socket moves."""
_PATIENCE_SECONDS = 35.0
"""What an answer may take: Postgres itself ends a statement earlier, but what stands between may keep it for ever."""


def driven(work: Callable[[Given], Answer]) -> Callable[[Given], Coroutine[Any, Any, Answer]]:
    """`work`, to be awaited: what it asks Postgres through `jobs.database` the loop need not wait for."""

    async def run(given: Given) -> Answer:
        answer: Answer = await greenlet_spawn(work, given)
        return answer

    return run


def is_driven() -> bool:
    """Whether an event loop stands still for as long as we wait."""
    return in_greenlet()


def aside(work: Callable[[], object]) -> None:
    """Do what may wait for more than Postgres, the one who reads our log for example: no loop stands still for it."""
    if is_driven():
        await_only(asyncio.to_thread(work))
    else:
        work()


class Connection(psycopg.Connection[Any]):
    """One that an event loop or a thread may use, whoever has borrowed it."""

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_SECONDS, timeout: float | None = None) -> RV:
        if not is_driven():
            return super().wait(gen, interval, timeout)
        try:
            return await_only(wait_async(gen, self.pgconn.socket, interval, timeout or _PATIENCE_SECONDS))
        except (asyncio.CancelledError, psycopg.errors._WaitTimeout):  # noqa: SLF001 - it is told under no other name
            self.pgconn.finish()  # nobody will hear what it was asked
            raise


class Pool(QueuePool):
    """Lends to both; where there is none to be had at once, a thread waits for it or opens it.

    Whoever is cancelled in that moment costs the pool one place: only the end of the process cancels what is driven.
    """

    def _do_get(self) -> ConnectionPoolEntry:
        if not is_driven():
            return super()._do_get()
        try:
            return self._pool.get(block=False)
        except Empty:
            return await_only(asyncio.to_thread(super()._do_get))


def connect(*given: Any, **named: Any) -> Connection:  # noqa: ANN401 - whatever the driver takes
    """Open one: that takes seconds where nobody answers."""
    if is_driven():
        return await_only(asyncio.to_thread(Connection.connect, *given, **named))
    return Connection.connect(*given, **named)
