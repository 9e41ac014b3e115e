import pytest

from jobs.lately import Lately
from tests.cli.stack.neighbours import wait_until

pytestmark = pytest.mark.usefixtures("database")


def test_what_is_known_is_not_asked_again() -> None:
    known = Lately[str, int](60.0)
    assert [known.find("one", lambda: 1), known.find("one", lambda: 2), known.find("two", lambda: 3)] == [1, 1, 3]


def test_while_one_asks_anew_the_others_take_what_is_known() -> None:
    known = Lately[str, int](0.2)

    def ask() -> int:
        assert known.find("one", lambda: 3) == 1
        return 2

    known.find("one", lambda: 1)
    wait_until(lambda: known.find("one", ask) == 2, what="the answer is old and asked for anew")


def test_an_answer_that_did_not_come_is_asked_for_later() -> None:
    known = Lately[str, int](0.0)
    with pytest.raises(ZeroDivisionError):
        known.find("one", lambda: 1 // 0)
    assert known.find("one", lambda: 1) == 1
