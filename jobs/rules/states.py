"""The states of a job and the one table of allowed moves between them."""

from enum import StrEnum


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    FORWARDED = "forwarded"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not MOVES[self]


MOVES: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.RUNNING, State.FORWARDED, State.FAILED, State.CANCELLED}),
    State.RUNNING: frozenset({State.WAITING, State.FORWARDED, State.COMPLETED, State.FAILED, State.CANCELLED}),
    State.FORWARDED: frozenset({State.WAITING, State.RUNNING, State.COMPLETED, State.FAILED, State.CANCELLED}),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}

FINAL = frozenset(state for state in State if state.is_final)
"""States that are never left; a re-run is a new job."""


class ForbiddenMove(Exception):
    """A move the table does not have: a bug in the mover, never the caller's fault."""


def check(origin: State, target: State) -> None:
    if target not in MOVES[origin]:
        raise ForbiddenMove(f"a job cannot go from {origin} to {target}")
