"""Where the accounts stand while orders are taken: their tallies, locked, and what the orders change in them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import psycopg
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import budgets, idempotency
from jobs.accounts import Caller
from jobs.database import cursor_of
from jobs.errors import Unavailable
from jobs.idempotency import FullName, Named
from jobs.rules import limits
from jobs.rules.limits import Recent
from jobs.rules.states import State
from jobs.submission.wishes import Draft
from jobs.tables import Job, Tally

NOTHING = Decimal(0)
PATIENCE_MS = 2000
"""How long whoever is alone waits for a tally that somebody keeps."""


class TallyIsKept(Unavailable):
    """Somebody keeps the account's tally for longer than whoever asked for it can wait."""

    def __init__(self) -> None:
        super().__init__(
            "Too much happens to this account just now; send the same request again.", retry_after_seconds=2
        )


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
        owner = (caller.account_id, caller.account)
        budgets.tell_if_reached(session, owner, caller.terms, self.month, before_usd=self.month_usd, more_usd=price_usd)
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


def lock(session: Session, account_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    """Lock these accounts' tallies until the transaction ends, in the one order that nobody can cross."""
    found, _ = lock_and_look_up(session, account_ids, ())
    return found


def lock_and_look_up(
    session: Session, account_ids: Collection[uuid.UUID], names: Collection[FullName], *, patience_ms: int = PATIENCE_MS
) -> tuple[dict[uuid.UUID, Standing], dict[FullName, Named]]:
    """As `lock`; beside it, what each of these names stands for by then, without those that are free.

    Raises TallyIsKept where another transaction keeps one of them for longer than that.
    """
    # One text: the driver takes its time over every element of an array.
    asked = (" ".join(one.hex for one in account_ids), idempotency.written_out(names), f"{patience_ms}ms")
    try:
        rows = cursor_of(session).execute(_LOCK, asked).fetchall()
    except psycopg.errors.LockNotAvailable as error:
        raise TallyIsKept from error
    found = {row.account_id: _standing(row) for row in rows if row.key is None}
    if missing := set(account_ids) - found.keys():
        new = [{"account_id": account_id} for account_id in sorted(missing)]
        session.execute(insert(Tally).values(new).on_conflict_do_nothing())
        return lock_and_look_up(session, account_ids, names, patience_ms=patience_ms)
    return found, idempotency.read(row for row in rows if row.key is not None)


# With it goes what `database.be_brief` would say.
_LOCK = """
    SELECT locked.* FROM set_config('idle_in_transaction_session_timeout', '5s', true),
        lock_tallies(string_to_array(%s, ' ')::uuid[], %s::json, %s) AS locked
"""


def _standing(row: Any) -> Standing:  # noqa: ANN401 - the driver makes the class of its rows as they come
    this_month = row.present.astimezone(UTC).date().replace(day=1)
    return Standing(
        available_usd=row.available_usd,
        month=this_month,
        month_usd=row.month_usd if row.month == this_month else NOTHING,
        recent=Recent(tuple(row.submits), row.submits_until).at(int(row.present.timestamp())),
        waiting_most=row.waiting_most,
    )
