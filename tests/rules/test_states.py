import pytest

from jobs.rules import states
from jobs.rules.states import FINAL, State


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_final_state_is_never_left(state: State) -> None:
    for target in State:
        with pytest.raises(states.ForbiddenMove):
            states.check(state, target)


def test_exactly_completed_failed_and_cancelled_are_final() -> None:
    assert {State.COMPLETED, State.FAILED, State.CANCELLED} == FINAL


def test_every_unfinished_state_can_fail_and_be_cancelled() -> None:
    for state in set(State) - FINAL:
        states.check(state, State.FAILED)
        states.check(state, State.CANCELLED)
