"""The ledger: every change of an account's money is an entry, and its tally is always their sum.

All of it happens inside the caller's transaction. Whoever needs several tallies locks them in the order of their
accounts, so that no two ever wait for each other.
"""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, case, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import budgets
from jobs.accounts import terms_of
from jobs.database import be_brief
from jobs.errors import CannotPay, Conflict, NotFound
from jobs.rules import limits, money
from jobs.rules.money import Kind
from jobs.tables import Account, Batch, Job, LedgerEntry, Tally

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Balance:
    """What an account has, in USD."""

    available_usd: Decimal
    held_usd: Decimal
    month_usd: Decimal


def balance(session: Session, account_id: uuid.UUID) -> Balance:
    """Where the account stands now."""
    this_month = case((Tally.month == _MONTH, Tally.month_usd), else_=NOTHING)
    row = session.execute(
        select(Tally.available_usd, Tally.held_usd, this_month).where(Tally.account_id == account_id)
    ).one_or_none()
    return Balance(*row) if row else Balance(NOTHING, NOTHING, NOTHING)


def top_up(session: Session, account_id: uuid.UUID, amount_usd: Decimal, note: str) -> LedgerEntry:
    """Add money to an account."""
    return _enter(session, LedgerEntry(account_id=account_id, kind=Kind.TOPUP, amount_usd=amount_usd, note=note))


def adjust(session: Session, account_id: uuid.UUID, amount_usd: Decimal, note: str) -> LedgerEntry:
    """Correct an account's money, up or down."""
    return _enter(session, LedgerEntry(account_id=account_id, kind=Kind.ADJUST, amount_usd=amount_usd, note=note))


def check_unmoved(session: Session, entry: LedgerEntry, after_id: int) -> None:
    """Raises Conflict where somebody moved the account's money between `after_id`, what they saw, and this new entry.

    All that move it wait for the tally, which is locked by now: none is overlooked.
    """
    session.flush()
    own = (LedgerEntry.account_id == entry.account_id, LedgerEntry.kind.in_([Kind.TOPUP, Kind.ADJUST]))
    since = select(LedgerEntry).where(*own, LedgerEntry.id > after_id, LedgerEntry.id < entry.id)
    found = session.scalars(since.order_by(LedgerEntry.id.desc()).limit(1)).one_or_none()
    if found is not None:
        moved = (
            f"Its money was moved after this form was shown: {found.amount_usd:+,.2f} USD, {found.note or 'no reason'}"
        )
        raise Conflict(f"{moved}. If that was you, it is done; if not, send it again.")


def requote(session: Session, job: Job, price_usd: Decimal) -> None:
    """Settle what `job` costs now that its media are known: hold more for it, or release what is too much.

    Raises CannotPay when the account cannot have more held.
    """
    more_usd = price_usd - job.held_usd
    if more_usd > 0:
        _hold_more(session, job, more_usd)
    elif more_usd < 0:
        _move(session, job, Kind.RELEASE, -more_usd)
    job.price_usd = job.held_usd = price_usd


def settle(session: Session, job: Job, *, is_charged: bool) -> None:
    """Let go of the money held for a job that becomes final: capture its price if it is charged, release the rest."""
    captured_usd, entries = money.settled(job.price_usd, job.held_usd, is_charged=is_charged)
    for kind, amount_usd in entries.items():
        _move(session, job, kind, amount_usd)
    job.price_usd, job.held_usd = captured_usd, NOTHING


def _hold_more(session: Session, job: Job, more_usd: Decimal) -> None:
    be_brief(session)
    account, tally, this_month = session.execute(
        select(Account, Tally, cast(_MONTH, Date))
        .join(Tally, Tally.account_id == Account.id)
        .where(Account.id == job.account_id)
        .with_for_update(of=Tally)
        .execution_options(populate_existing=True)
    ).one()
    terms, spent_usd = terms_of(account), tally.month_usd if tally.month == this_month else NOTHING
    refused = limits.unaffordable(terms, more_usd, available_usd=tally.available_usd, month_usd=spent_usd)
    if refused is not None:
        raise CannotPay(f"the media are longer than what was held for: {refused}", permanent=True)
    if job.batch_id is not None:
        _check_within_batch(session, job, more_usd)
    owner = (account.id, account.name)
    budgets.tell_if_reached(session, owner, terms, this_month, before_usd=spent_usd, more_usd=more_usd)
    _move(session, job, Kind.HOLD, more_usd)


def _check_within_batch(session: Session, job: Job, more_usd: Decimal) -> None:
    """All that raises a price in the account waits for the tally that is locked by now: the sum stays true."""
    budget_usd = session.scalar(select(Batch.budget_usd).where(Batch.id == job.batch_id))
    if budget_usd is None:
        return
    spent_usd = session.scalars(select(func.sum(Job.price_usd)).where(Job.batch_id == job.batch_id)).one()
    if spent_usd + more_usd > budget_usd:
        most = f"{budget_usd.normalize():f} USD"
        raise CannotPay(f"the media are longer than what was held for: its batch may cost {most}", permanent=True)


def _move(session: Session, job: Job, kind: Kind, amount_usd: Decimal) -> None:
    """One entry for `job`, and what it does to the month: it counts what was held in it for jobs and not released."""
    if kind is Kind.HOLD:
        so_far_usd = case((Tally.month == _MONTH, Tally.month_usd), else_=NOTHING)
        _count(session, job, month=_MONTH, month_usd=so_far_usd + amount_usd)
    elif kind is Kind.RELEASE:
        _count(
            session,
            job,
            month_usd=Tally.month_usd - func.least(amount_usd, func.greatest(_held_in_the_month(job), NOTHING)),
        )
    entry = LedgerEntry(
        account_id=job.account_id,
        kind=kind,
        amount_usd=amount_usd,
        job_id=job.id,
        key_id=job.key_id,
        model=job.model,
    )
    _enter(session, entry)


def _count(session: Session, job: Job, **month: Any) -> None:  # noqa: ANN401 - columns of the tally
    session.execute(
        update(Tally)
        .where(Tally.account_id == job.account_id)
        .values(**month)
        .execution_options(synchronize_session=False)
    )


def _held_in_the_month(job: Job) -> ColumnElement[Decimal]:
    """What was held for the job in its tally's month and not released again; the rest counts for an earlier one."""
    change_usd = case(
        (LedgerEntry.kind == Kind.HOLD, LedgerEntry.amount_usd),
        (LedgerEntry.kind == Kind.RELEASE, -LedgerEntry.amount_usd),
        else_=NOTHING,
    )
    held = select(func.coalesce(func.sum(change_usd), NOTHING))
    return held.where(LedgerEntry.job_id == job.id, LedgerEntry.at >= Tally.month).scalar_subquery()


def _enter(session: Session, entry: LedgerEntry) -> LedgerEntry:
    """Write the entry and what it does to its tally, which is locked from then on. Raises NotFound."""
    available_usd, held_usd = money.effect_usd(Kind(entry.kind), entry.amount_usd)
    if session.get(Account, entry.account_id) is None:
        raise NotFound(f"There is no account {entry.account_id.hex}.")
    session.execute(insert(Tally).values(account_id=entry.account_id).on_conflict_do_nothing())
    session.execute(
        update(Tally)
        .where(Tally.account_id == entry.account_id)
        .values(available_usd=Tally.available_usd + available_usd, held_usd=Tally.held_usd + held_usd)
        .execution_options(synchronize_session=False)
    )
    session.add(entry)
    return entry


_MONTH = func.date_trunc("month", func.timezone("UTC", func.now()))
