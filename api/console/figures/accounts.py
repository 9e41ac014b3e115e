"""Accounts with their money and their jobs, for the console."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.orm import Session

from jobs.errors import NotFound
from jobs.lifecycle.holding import UNDER_WAY
from jobs.rules.states import State
from jobs.tables import Account, ApiKey, Endpoint, Job, Tally

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Standing:
    """One account: what it has and spent this month in USD, its unfinished jobs, its keys that work, its endpoints."""

    account: Account
    available_usd: Decimal
    held_usd: Decimal
    month_usd: Decimal
    waiting: int
    under_way: int
    keys: int
    endpoints: int

    @property
    def budget_usd(self) -> Decimal | None:
        """The budget that counts: the hard one, or else the soft one."""
        hard_usd = self.account.budget_hard_usd
        return self.account.budget_soft_usd if hard_usd is None else hard_usd

    @property
    def is_over_soft(self) -> bool:
        soft_usd = self.account.budget_soft_usd
        return soft_usd is not None and self.month_usd >= soft_usd


def everybody(session: Session) -> list[Standing]:
    """Every account, by name."""
    return [Standing(*row) for row in session.execute(_standings().order_by(Account.name))]


def one(session: Session, account_id: uuid.UUID | None) -> Standing:
    """Raises NotFound."""
    row = session.execute(_standings().where(Account.id == account_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such account.")
    return Standing(*row)


def keys(session: Session, account_id: uuid.UUID) -> list[ApiKey]:
    """The account's keys, those that work first, newest first."""
    own = select(ApiKey).where(ApiKey.account_id == account_id)
    return list(session.scalars(own.order_by(ApiKey.revoked_at.desc().nulls_first(), ApiKey.id.desc()).limit(200)))


def _standings() -> Select[Account, Decimal, Decimal, Decimal, int, int, int, int]:
    """Each count reads an index that holds nothing but what it counts."""
    this_month = func.date_trunc("month", func.timezone("UTC", func.now()))
    month_usd = case((Tally.month == this_month, Tally.month_usd), else_=NOTHING)
    waiting = select(func.count()).where(Job.account_id == Account.id, Job.status == State.WAITING)
    under_way = select(func.count()).where(Job.account_id == Account.id, Job.status.in_(UNDER_WAY))
    working = select(func.count()).where(ApiKey.account_id == Account.id, ApiKey.revoked_at.is_(None))
    told = select(func.count()).where(and_(Endpoint.account_id == Account.id, Endpoint.deleted_at.is_(None)))
    return select(
        Account,
        func.coalesce(Tally.available_usd, NOTHING),
        func.coalesce(Tally.held_usd, NOTHING),
        func.coalesce(month_usd, NOTHING),
        *(counted.scalar_subquery() for counted in (waiting, under_way, working, told)),
    ).outerjoin(Tally, Tally.account_id == Account.id)
