"""Promises about threads that ask together: one asks for all who came meanwhile, each has its own answer."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs.errors import LeaseLost, Unavailable
from jobs.together import Together

PATIENCE_SECONDS = 10.0


class Slow:
    """Answers each number with itself, and below zero with an error; the first group waits until it may go on."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()

    def answer(self, asked: Sequence[int]) -> list[int | Exception]:
        self.groups.append(list(asked))
        self.has_begun.set()
        assert self.may_go_on.wait(PATIENCE_SECONDS)
        if asked[0] == 0 and len(asked) > 1:
            raise Unavailable("away", retry_after_seconds=2)
        return [LeaseLost(f"{number}") if number < 0 else number for number in asked]


def answers(slow: Slow, numbers: Sequence[int], most: int = 32) -> list[object]:
    """What each is told: the first alone, the others while it is under way."""
    together = Together(slow.answer, most=most)

    def ask(number: int) -> object:
        try:
            return together.ask(number)
        except (LeaseLost, Unavailable) as error:
            return error

    with ThreadPoolExecutor(len(numbers)) as threads:
        first = threads.submit(ask, numbers[0])
        assert slow.has_begun.wait(PATIENCE_SECONDS)
        others = []
        for place, number in enumerate(numbers[1:], 1):
            others.append(threads.submit(ask, number))
            wait_for(together, place)
        slow.may_go_on.set()
        return [first.result(PATIENCE_SECONDS), *(other.result(PATIENCE_SECONDS) for other in others)]


def wait_for(together: Together[int, int], count: int) -> None:
    """Until so many are in line."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while len(together._line) < count:
        assert time.monotonic() < give_up_at
        time.sleep(0.001)


def test_whoever_comes_while_one_is_under_way_is_asked_for_together() -> None:
    slow = Slow()
    assert answers(slow, [1, 2, 3, 4]) == [1, 2, 3, 4]
    assert slow.groups == [[1], [2, 3, 4]]


def test_a_group_is_no_larger_than_it_may_be() -> None:
    slow = Slow()
    assert answers(slow, [1, 2, 3, 4, 5], most=2) == [1, 2, 3, 4, 5]
    assert slow.groups == [[1], [2, 3], [4, 5]]


def test_an_error_is_one_askers_own() -> None:
    found = answers(Slow(), [1, -2, 3])
    assert (found[0], str(found[1]), found[2]) == (1, "-2", 3)


def test_what_breaks_a_group_is_told_to_all_of_it_and_to_nobody_else() -> None:
    found = answers(Slow(), [1, 0, 2])
    assert found[0] == 1
    assert [type(said) for said in found[1:]] == [Unavailable, Unavailable]


def test_whoever_leads_a_group_without_being_in_it_hears_nothing_of_its_error() -> None:
    """Those in line are more than a group; the last of them may lead the first ones' group, which breaks."""
    for _ in range(20):
        found = answers(Slow(), [1, 0, 2, 3, 4, 5], most=2)
        assert [type(said) for said in found[1:3]] == [Unavailable, Unavailable]
        assert [found[0], *found[3:]] == [1, 3, 4, 5]


def test_whoever_is_answered_goes_on_though_the_next_are_asked_for() -> None:
    begun, may_end = threading.Semaphore(0), threading.Semaphore(0)

    def answer(group: Sequence[int]) -> Sequence[int]:
        begun.release()
        assert may_end.acquire(timeout=PATIENCE_SECONDS)
        return group

    together = Together(answer)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(together.ask, 1)]
        assert begun.acquire(timeout=PATIENCE_SECONDS)
        for group in ([2, 3, 4, 5], [6, 7, 8]):
            asked += [threads.submit(together.ask, number) for number in group]
            wait_for(together, len(group))
            may_end.release()
            assert begun.acquire(timeout=PATIENCE_SECONDS)
        # The last group is under way and does not end; nobody of those before it waits for that.
        assert [one.result(PATIENCE_SECONDS) for one in asked[:5]] == [1, 2, 3, 4, 5]
        may_end.release()
        assert [one.result(PATIENCE_SECONDS) for one in asked[5:]] == [6, 7, 8]


def test_alone_nobody_waits() -> None:
    together: Together[int, int] = Together(list)
    assert [together.ask(number) for number in (1, 2)] == [1, 2]
    broken: Together[int, int] = Together(lambda asked: [1 // number for number in asked])
    with pytest.raises(ZeroDivisionError):
        broken.ask(0)
