"""Gathers what is asked at the same time into one query, and gives each asker their own answer or error."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from starlette.requests import Request

from jobs.errors import Unavailable
from jobs.listing import Reading
from jobs.submission import Taken, Wish

WAITING_MAX = 2_000
"""More come only while the database says nothing: whoever gives up meanwhile is asked for all the same."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathering(Generic[Question, Answer]):
    """Asks one query at a time, over one connection; nothing is remembered from one query to the next.

    Whoever asks meanwhile is in the next one. It sets off no sooner than `pace_seconds` after the last, or as soon as
    `enough` wait; so many go together at most, so that the answers of some are written while others are looked up.
    The busier the door, the less a question costs, and on an idle one nobody waits. With `rest_seconds` the next waits
    so long for those who have just been answered to ask again, or until as many are there as there were: few large ones
    then, instead of two that take turns, where asking is work of this process itself. A question is never added to a
    query that has set off, so no answer is older than its question. `ask_all` returns, in order, an answer or an error
    of the asker's own; what it raises instead, everybody gets.
    """

    def __init__(
        self,
        ask_all: Callable[[Sequence[Question]], Coroutine[Any, Any, Sequence[Answer | Exception]]],
        *,
        enough: int = 500,
        pace_seconds: float = 0.0,
        rest_seconds: float = 0.0,
    ) -> None:
        self._ask_all = ask_all
        self._enough = enough
        self._pace_seconds = pace_seconds
        self._rest_seconds = rest_seconds
        self._crowd = enough
        """So many set off at once."""
        self._waiting: list[tuple[Question, asyncio.Future[Answer | BaseException]]] = []
        self._under_way: asyncio.Task[Sequence[Answer | Exception]] | None = None
        self._not_before = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def ask(self, question: Question) -> Answer:
        """The answer to `question`. Raises the error that is this asker's own, or that of the whole query.

        Raises Unavailable where very many wait already.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("Very many requests wait here; send the same request again.", retry_after_seconds=2)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer | BaseException] = loop.create_future()
        self._waiting.append((question, answer))
        if self._under_way is None:
            # Not at once even if it may be: whoever else asks in this turn of the loop comes along.
            self._set_off_when_due(loop)
        said = await answer
        if isinstance(said, BaseException):
            raise said
        return said

    def _set_off_when_due(self, loop: asyncio.AbstractEventLoop) -> None:
        if len(self._waiting) >= self._crowd:
            self._set_off()
        elif self._alarm is None:
            self._alarm = loop.call_at(max(self._not_before, loop.time()), self._set_off)

    def _set_off(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        wanted = [(question, answer) for question, answer in self._waiting if not answer.cancelled()]
        together, self._waiting = wanted[: self._enough], wanted[self._enough :]
        if not together:
            return
        loop = asyncio.get_running_loop()
        self._not_before = loop.time() + self._pace_seconds
        questions, answers = zip(*together, strict=True)
        self._under_way = loop.create_task(self._ask_all(questions))
        self._under_way.add_done_callback(partial(self._hand_out, answers))

    def _hand_out(
        self,
        answers: Sequence["asyncio.Future[Answer | BaseException]"],
        asked: "asyncio.Future[Sequence[Answer | Exception]]",
    ) -> None:
        """The next sets off first: it is looked up while these answers are written."""
        self._under_way = None
        loop = asyncio.get_running_loop()
        if self._rest_seconds:
            self._crowd = min(len(answers) + len(self._waiting), self._enough)
            self._not_before = loop.time() + self._rest_seconds
        if self._waiting and loop.time() >= self._not_before:
            self._set_off()
        elif self._waiting:
            self._set_off_when_due(loop)
        broken = asyncio.CancelledError() if asked.cancelled() else asked.exception()
        found = [broken] * len(answers) if broken else asked.result()
        for answer, said in zip(answers, found, strict=True):
            if not answer.cancelled():
                # An error is handed over as a value: nobody may be left to hear it.
                answer.set_result(said)


def in_a_thread(work: Callable[[Question], Answer]) -> Callable[[Question], Coroutine[Any, Any, Answer]]:
    """`work`, to be awaited while a thread does it."""

    async def run(given: Question) -> Answer:
        return await asyncio.to_thread(work, given)

    return run


def readings_of(request: Request) -> Gathering[tuple[str, uuid.UUID | None], Reading]:
    """Where the application that serves `request` gathers what is read; ask with a key and a job's id."""
    gathering: Gathering[tuple[str, uuid.UUID | None], Reading] = request.app.state.readings
    return gathering


def orders_of(request: Request, *, are_long: bool) -> Gathering[tuple[str, Wish, str | None], Taken]:
    """Where it gathers orders into one transaction; ask with a key, a wish and the caller's own name for it."""
    state = request.app.state
    gathering: Gathering[tuple[str, Wish, str | None], Taken] = state.long_orders if are_long else state.orders
    return gathering
