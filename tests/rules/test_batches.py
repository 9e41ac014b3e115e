"""Promises about how batches stand and end."""

import pytest

from jobs.rules import batches
from jobs.rules.batches import FINAL, MOVES, ForbiddenMove, Status


def test_what_is_final_is_never_left() -> None:
    assert {Status.COMPLETED, Status.FAILED, Status.EXPIRED, Status.CANCELLED} == FINAL
    for status in FINAL:
        with pytest.raises(ForbiddenMove):
            batches.check(status, Status.VALIDATING)


def test_every_status_is_reached_from_the_first() -> None:
    reached, fresh = {Status.VALIDATING}, {Status.VALIDATING}
    while fresh:
        fresh = {target for origin in fresh for target in MOVES[origin]} - reached
        reached |= fresh
    assert reached == set(Status)


@pytest.mark.parametrize(
    ("total", "bad", "policy", "is_opened"),
    [
        (0, 0, "take_good", False),
        (5, 0, "reject_all", True),
        (5, 1, "reject_all", False),
        (5, 1, "take_good", True),
        (5, 5, "take_good", False),
    ],
)
def test_bad_lines_stop_all_or_only_themselves(total: int, bad: int, policy: str, *, is_opened: bool) -> None:
    assert (batches.why_not(total, bad, policy) == "") is is_opened


def test_a_batch_is_cancelled_before_it_is_late_before_it_is_complete() -> None:
    assert batches.outcome(was_cancelled=True, was_late=True) == Status.CANCELLED
    assert batches.outcome(was_cancelled=False, was_late=True) == Status.EXPIRED
    assert batches.outcome(was_cancelled=False, was_late=False) == Status.COMPLETED
