"""Where the accounts stand while orders are taken: their tallies, locked, and what the orders change in them."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import events, outbox
from jobs.accounts import Caller
from jobs.database import after_commit, cursor_of, pipelined
from jobs.rules import limits
from jobs.rules.limits import Recent
from jobs.rules.states import State
from jobs.submission.wishes import Draft
from jobs.tables import Job, Tally

NOTHING = Decimal(0)

Answer = TypeVar("Answer")


@dataclass
class Standing:
    """One account's tally as these orders change it."""

    available_usd: Decimal
    month: date
    month_usd: Decimal
    recent: Recent
    waiting_most: int
    held_usd: Decimal = NOTHING
    """What these orders hold."""
    taken: int = 0
    """How many they are; none of them is written yet."""
    waiting: int | None = None
    """How many jobs wait with these, once they were counted."""

    def admit(self, session: Session, draft: Draft) -> None:
        """Take one more order into account. Raises TooMany or NoCredit when it cannot be taken."""
        self.admit_all(session, draft.caller, draft.price_usd)

    def admit_all(
        self, session: Session, caller: Caller, price_usd: Decimal, count: int = 1, *, are_written: bool = False
    ) -> None:
        """Take `count` more orders into account, at this price together: all of them or, with the same errors, none.

        Where they `are_written`, the table of jobs has them already.
        """
        refused = limits.refusal(
            caller.terms,
            price_usd,
            available_usd=self.available_usd,
            month_usd=self.month_usd,
            recent=self.recent,
            waiting=self._waiting(session, caller, count, count if are_written else 0),
            count=count,
        )
        if refused is not None:
            raise refused
        self._tell_of_budget(session, caller, price_usd)
        self.available_usd -= price_usd
        self.month_usd += price_usd
        self.held_usd += price_usd
        self.recent = self.recent.with_more(count)
        self.taken += count
        self.waiting_most += count
        self.waiting = None if self.waiting is None else self.waiting + count

    def _waiting(self, session: Session, caller: Caller, count: int, written: int) -> int:
        """No fewer jobs than wait: the tally's bound while that is low enough to go on, else counted."""
        most = caller.terms.waiting_max
        if self.waiting is None and most is not None and self.waiting_most + count > most:
            counted = select(func.count()).where(Job.account_id == caller.account_id)
            self.waiting = session.scalars(counted.where(Job.status == State.WAITING)).one() + self.taken - written
            held = session.scalars(counted.where(Job.status.in_([State.RUNNING, State.FORWARDED]))).one()
            self.waiting_most = self.waiting + held  # a stumble may put any of those back
        return self.waiting_most if self.waiting is None else self.waiting

    def _tell_of_budget(self, session: Session, caller: Caller, price_usd: Decimal) -> None:
        """Once a month: whoever crosses the soft budget is taken all the same."""
        budget_usd, spent_usd = caller.terms.budget_soft_usd, self.month_usd + price_usd
        if budget_usd is not None and self.month_usd < budget_usd <= spent_usd:
            facts = {"month": f"{self.month:%Y-%m}", "budget_usd": float(budget_usd), "spent_usd": float(spent_usd)}
            outbox.announce(session, caller.account_id, "budget.reached", facts)
            after_commit(session, lambda: events.emit("budget.reached", account=caller.account, **facts))


def lock(session: Session, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    """Lock these accounts' tallies until the transaction ends, in the one order that nobody can cross."""
    found, _ = lock_and_ask(session, account_ids, lambda: None)
    return found


def lock_and_ask(
    session: Session, account_ids: Collection[uuid.UUID], ask: Callable[[], Answer]
) -> tuple[dict[uuid.UUID, Standing], Answer]:
    """As `lock`; beside it, what `ask` found out under the lock, which costs no way there and back of its own.

    `ask` may be called twice; it asks through `cursor_of` and returns what is yet to be read.
    """
    with pipelined(session):
        locked, answer = cursor_of(session).execute(_LOCKED, (_joined(account_ids),)), ask()
        found = {row.account_id: _standing(row) for row in locked}
    if missing := set(account_ids) - found.keys():
        rows = [{"account_id": account_id} for account_id in sorted(missing)]
        session.execute(insert(Tally).values(rows).on_conflict_do_nothing())
        return lock_and_ask(session, account_ids, ask)
    return found, answer


_LOCKED = """
    SELECT account_id, available_usd, month, month_usd, submits, submits_until, waiting_most, clock_timestamp() AS now
    FROM tallies WHERE account_id = ANY(string_to_array(%s, ' ')::uuid[]) ORDER BY account_id FOR UPDATE
"""


def _joined(account_ids: Collection[uuid.UUID]) -> str:
    """One text: the driver takes its time over every element of an array."""
    return " ".join(one.hex for one in account_ids)


def _standing(row: Any) -> Standing:  # noqa: ANN401 - the driver makes the class of its rows as they come
    this_month = row.now.astimezone(UTC).date().replace(day=1)
    return Standing(
        available_usd=row.available_usd,
        month=this_month,
        month_usd=row.month_usd if row.month == this_month else NOTHING,
        recent=Recent(tuple(row.submits), row.submits_until).at(int(row.now.timestamp())),
        waiting_most=row.waiting_most,
    )
