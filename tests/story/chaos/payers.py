"""The accounts of the stream: prepaid, topped up a little at a time, and limited enough to meet their limits."""

import math
import uuid
from dataclasses import dataclass
from decimal import Decimal

from jobs import accounts, database, ledger
from jobs.tables import Account
from tests.story.chaos.plan import BATCH_LINES, BATCH_PAYER, MAKES_A_JOB, PAYERS, Plan

TOP_UP_USD = Decimal("0.25")
"""A few jobs' worth, so that accounts run dry again and again."""

SECOND_USD = Decimal("0.03")
_RUNNING_MAX = (1, 2, 2)
_WAITING_MAX = 8


@dataclass(frozen=True)
class Payer:
    """One account and its key."""

    account_id: uuid.UUID
    key: str

    def top_up(self) -> None:
        """Raises Unavailable; then it may have been done all the same."""
        with database.transaction() as session:
            ledger.top_up(session, self.account_id, TOP_UP_USD, "so that the storm can go on")


def make(plan: Plan, minutes: float) -> tuple[Payer, ...]:
    """As many accounts as the plan has; a few submits fewer a minute than it wants are allowed, but for batches."""
    tight = [_make(number, _submits_per_minute(plan, number, minutes)) for number in range(PAYERS)]
    batches = sum(ask.kind == "batch" for ask in plan.asks)
    return *tight, _make(BATCH_PAYER, BATCH_LINES * batches)


def _make(number: int, submits_per_minute: int) -> Payer:
    with database.transaction() as session:
        row, key = accounts.create_key(session, name="chaos", account=f"chaos-{number}")
        account = session.get_one(Account, row.account_id)
        account.is_prepaid = True
        account.submits_per_minute = submits_per_minute
        account.running_max, account.waiting_max = _RUNNING_MAX[number], _WAITING_MAX
        ledger.top_up(session, account.id, TOP_UP_USD, "to begin with")
    return Payer(row.account_id, key)


def _submits_per_minute(plan: Plan, number: int, minutes: float) -> int:
    ordered = sum(ask.payer == number for ask in plan.asks if ask.kind in MAKES_A_JOB)
    return max(1, math.floor(0.9 * ordered / max(1, minutes)))
