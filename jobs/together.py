"""Has threads that ask Postgres the same thing at the same time ask it in one transaction."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


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
