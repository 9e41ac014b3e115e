"""Threads kept apart for what may be slow, so that it never holds those that everybody's requests are answered in."""

from collections.abc import Callable
from functools import partial
from typing import Literal, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from starlette.requests import Request

from jobs.errors import CallerError, TooMany, Unavailable
from jobs.submission import TallyIsKept

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")


class OwnThreads:
    """At most `count` at work; whoever waits longer than that for a turn is refused, and holds no thread meanwhile."""

    def __init__(self, count: int, patience_seconds: float, refusal: Callable[[], CallerError]) -> None:
        self._turns = anyio.Semaphore(count)
        self._threads = anyio.CapacityLimiter(count)
        self._patience_seconds = patience_seconds
        self._refusal = refusal

    async def run(self, work: Callable[_Given, _Answer], *given: _Given.args, **named: _Given.kwargs) -> _Answer:
        """What `work` comes to. Raises the refusal where no thread gets free in time, and whatever `work` raises."""
        with anyio.move_on_after(self._patience_seconds) as waited:
            await self._turns.acquire()
        if waited.cancelled_caught:
            raise self._refusal()
        try:
            return await anyio.to_thread.run_sync(partial(work, *given, **named), limiter=self._threads)
        finally:
            self._turns.release()


def for_bucket() -> OwnThreads:
    """For what reads or writes files in the bucket while a caller waits."""
    sentence = "The bucket is slow or away for the moment; send the same request again."
    return OwnThreads(16, 5.0, partial(Unavailable, sentence, retry_after_seconds=5))


def for_orders(connections: int) -> OwnThreads:
    """For orders that are taken one by one: while they wait for an account, others find half of the connections."""
    sentence = "Many orders are being taken at this moment; send the same request again, best with an Idempotency-Key."
    return OwnThreads(max(connections // 2, 1), 5.0, partial(Unavailable, sentence, retry_after_seconds=2))


def for_kept_orders() -> OwnThreads:
    """For orders of accounts that somebody keeps: those wait for one another, and for nobody else."""
    return OwnThreads(2, 1.0, TallyIsKept)


def for_strangers() -> OwnThreads:
    """For what is slow and anybody may ask for who sees the page where one signs in."""
    sentence = "Too many are signing in at this moment; try again shortly."
    return OwnThreads(4, 1.0, partial(TooMany, sentence, retry_after_seconds=5))


def threads_of(
    request: Request, what: Literal["bucket", "single_orders", "kept_orders", "sign_ins", "provider"]
) -> OwnThreads:
    """Those of the application that serves `request`."""
    found: OwnThreads = getattr(request.app.state, what)
    return found
