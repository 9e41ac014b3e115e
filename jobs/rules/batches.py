"""How a batch stands, the one table of its moves, and what it may hold; the words are those of OpenAI's batches."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

from jobs.rules import keys

LINES_MAX: Final = 50_000
NUMBERS_MAX: Final = 1_000_000
"""Lines are numbered as in their file, blank ones too, which do not count; more are nothing but work."""
ARRAY_MAX: Final = 1000
"""Longer orders come as a file: a door must not spend its time on one caller's body."""
FILE_MAX_BYTES: Final = 200 * 10**6
LINE_MAX_BYTES: Final = 2**20
PROBLEMS_SHOWN: Final = 100
"""So many bad lines a batch shows itself; the error file has all of them."""

PAUSED_UNTIL: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""When jobs of a paused batch are due: a claim passes them over, and no statement need know of batches."""

Policy = Literal["reject_all", "take_good"]
"""What a bad line does: it stops all of the batch, or only itself."""


class Status(StrEnum):
    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    CANCELLING = "cancelling"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return not MOVES[self]


MOVES: dict[Status, frozenset[Status]] = {
    Status.VALIDATING: frozenset({Status.IN_PROGRESS, Status.COMPLETED, Status.FAILED, Status.CANCELLED}),
    Status.IN_PROGRESS: frozenset({Status.CANCELLING, Status.FINALIZING}),
    Status.CANCELLING: frozenset({Status.FINALIZING}),
    Status.FINALIZING: frozenset({Status.COMPLETED, Status.EXPIRED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.EXPIRED: frozenset(),
    Status.CANCELLED: frozenset(),
}

FINAL = frozenset(status for status in Status if status.is_final)


def key(account_id: uuid.UUID, batch_id: uuid.UUID, name: str = "") -> str:
    """Where its files lie in the bucket."""
    return f"{keys.account(account_id)}batches/{batch_id.hex}/{name}"


class ForbiddenMove(Exception):
    """A move the table does not have: a bug in the mover, never the caller's fault."""


def check(origin: Status, target: Status) -> None:
    if target not in MOVES[origin]:
        raise ForbiddenMove(f"a batch cannot go from {origin} to {target}")


def outcome(*, was_cancelled: bool, was_late: bool) -> Status:
    """How a batch ends whose jobs are all final: late means that its deadline ended some of them."""
    if was_cancelled:
        return Status.CANCELLED
    return Status.EXPIRED if was_late else Status.COMPLETED


def why_not(total: int, bad: int, policy: str) -> str:
    """Why a batch that was read is not opened, in a sentence; empty when it is."""
    if total == 0:
        return "The file holds no line; write one JSON object a line."
    if bad == 0:
        return ""
    lines = "1 line cannot" if bad == 1 else f"{bad} lines cannot"
    if policy == "reject_all":
        return f"{lines} be taken, so none was; mend them, or send the batch with on_bad_lines take_good."
    return f"None of the {total} lines can be taken." if bad == total else ""


def request_counts(states: Mapping[str, int], total: int) -> dict[str, int]:
    """How many jobs stand how, in the words callers know; what runs upstream runs."""
    return {
        "total": total,
        "completed": states.get("completed", 0),
        "failed": states.get("failed", 0),
        "cancelled": states.get("cancelled", 0),
        "running": states.get("running", 0) + states.get("forwarded", 0),
        "waiting": states.get("waiting", 0),
    }
