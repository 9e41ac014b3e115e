"""Gathers questions asked at the same time into one query, and gives each asker their own answer or error."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from starlette.requests import Request

from jobs.errors import CallerError
from jobs.listing import Reading

IN_FLIGHT_MAX = 2
"""Queries under way at once, each with a thread and a connection; whoever asks meanwhile is in the next one."""
TOGETHER_MAX = 500
"""Questions in one query."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Gathering(Generic[Question, Answer]):
    """Asks at most one query per turn of the event loop; nothing is remembered from one query to the next.

    A question is never added to a query that has set off, so no answer is older than its question. `ask_all` runs in a
    thread and returns, in order, an answer or an error of the asker's own; what it raises instead, everybody gets.
    """

    def __init__(self, ask_all: Callable[[Sequence[Question]], Sequence[Answer | CallerError]]) -> None:
        self._ask_all = ask_all
        self._waiting: list[tuple[Question, asyncio.Future[Answer | BaseException]]] = []
        self._in_flight = 0
        # Its threads end with this object.
        self._threads = ThreadPoolExecutor(IN_FLIGHT_MAX, thread_name_prefix="gathering")

    async def ask(self, question: Question) -> Answer:
        """The answer to `question`. Raises the error that is this asker's own, or that of the whole query."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer | BaseException] = loop.create_future()
        self._waiting.append((question, answer))
        if len(self._waiting) == 1:
            # Not at once: whoever else asks in this turn of the loop comes along.
            loop.call_soon(self._set_off)
        said = await answer
        if isinstance(said, BaseException):
            raise said
        return said

    def _set_off(self) -> None:
        while self._waiting and self._in_flight < IN_FLIGHT_MAX:
            together, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
            wanted = [(question, answer) for question, answer in together if not answer.cancelled()]
            if wanted:
                self._ask_about(wanted)

    def _ask_about(self, wanted: Sequence[tuple[Question, asyncio.Future[Answer | BaseException]]]) -> None:
        self._in_flight += 1
        questions = [question for question, _ in wanted]
        asked = asyncio.get_running_loop().run_in_executor(self._threads, self._ask_all, questions)
        asked.add_done_callback(partial(self._hand_out, [answer for _, answer in wanted]))

    def _hand_out(
        self,
        answers: Sequence["asyncio.Future[Answer | BaseException]"],
        asked: "asyncio.Future[Sequence[Answer | CallerError]]",
    ) -> None:
        self._in_flight -= 1
        self._set_off()
        broken = asked.exception()
        found = [broken] * len(answers) if broken else asked.result()
        for answer, said in zip(answers, found, strict=True):
            if not answer.cancelled():
                # An error is handed over as a value: nobody may be left to hear it.
                answer.set_result(said)


def readings_of(request: Request) -> Gathering[tuple[str, uuid.UUID | None], Reading]:
    """Where the application that serves `request` gathers what is read; ask with a key and a job's id."""
    gathering: Gathering[tuple[str, uuid.UUID | None], Reading] = request.app.state.readings
    return gathering
