"""Asks for many at once: threads that ask Postgres the same thing at the same time share a transaction."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from jobs.errors import Unavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def all_or_each(
    ask_all: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
    asked: Sequence[Question],
    refusals: tuple[type[Exception], ...],
) -> list[Answer | Exception]:
    """Ask for all at once; if that ends with one of `refusals`, for each alone, so that no other pays for a bad one.

    The error of one that is alone is its own, Unavailable too then: what was asked before it has been done.
    """
    try:
        return [*ask_all(asked)]
    except refusals as error:
        return [error] if len(asked) == 1 else [_each(ask_all, one, refusals) for one in asked]


def _each(
    ask_all: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
    one: Question,
    refusals: tuple[type[Exception], ...],
) -> Answer | Exception:
    try:
        [answer] = all_or_each(ask_all, [one], refusals)
    except Unavailable as error:
        return error
    return answer


class _Asked(Generic[Question, Answer]):
    def __init__(self, question: Question) -> None:
        self.question = question
        self.is_answered = False
        self._said: list[Answer | BaseException] = []

    def tell(self, said: Answer | BaseException) -> None:
        self._said.append(said)
        self.is_answered = True

    def answer(self) -> Answer:
        [said] = self._said
        if isinstance(said, BaseException):
            raise said
        return said


class Together(Generic[Question, Answer]):
    """Asks for one group at a time; whoever comes meanwhile is in the next, and one of them asks for all.

    Alone nobody waits; the busier the process, the less a question costs. `ask_all` returns, in order, an answer or an
    error of the asker's own; what it raises instead, everybody gets who asked with it. A question is never added to a
    group that has set off, so no answer is older than its question.
    """

    def __init__(
        self, ask_all: Callable[[Sequence[Question]], Sequence[Answer | Exception]], *, most: int = 32
    ) -> None:
        self._ask_all = ask_all
        self._most = most
        self._line: deque[_Asked[Question, Answer]] = deque()
        self._is_under_way = False
        self._changed = threading.Condition()

    def ask(self, question: Question) -> Answer:
        """The answer to `question`. Raises the error that is this asker's own, or that of the whole group."""
        mine: _Asked[Question, Answer] = _Asked(question)
        with self._changed:
            self._line.append(mine)
        while (group := self._next_group(mine)) is not None:
            said = self._said(group)
            with self._changed:
                for one, answer in zip(group, said, strict=True):
                    one.tell(answer)
                self._is_under_way = False
                self._changed.notify_all()
        return mine.answer()

    def _next_group(self, mine: _Asked[Question, Answer]) -> list[_Asked[Question, Answer]] | None:
        """Those for whom to ask now; None once there is an answer to `mine`."""
        with self._changed:
            self._changed.wait_for(lambda: mine.is_answered or not self._is_under_way)
            if mine.is_answered:
                return None
            self._is_under_way = True
            return [self._line.popleft() for _ in range(min(len(self._line), self._most))]

    def _said(self, group: Sequence[_Asked[Question, Answer]]) -> Sequence[Answer | BaseException]:
        try:
            said = self._ask_all([one.question for one in group])
            return [answer for _, answer in zip(group, said, strict=True)]
        except BaseException as error:  # noqa: BLE001 - each of them raises it
            return [error] * len(group)
