"""The accounts there are and what each is allowed: made and changed by operators, in small part by the account."""

import uuid
from decimal import Decimal
from typing import TypedDict

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import ids
from jobs.errors import Conflict, NotFound
from jobs.tables import Account


class Changes(TypedDict, total=False):
    """What of an account's terms becomes what; None is no limit."""

    is_prepaid: bool
    submits_per_minute: int | None
    weight: int
    running_max: int | None
    waiting_max: int | None
    models: list[str] | None
    engines: list[str] | None
    budget_soft_usd: Decimal | None
    budget_hard_usd: Decimal | None
    resends_unproven: bool
    pays_cancelled: bool


def accounts(session: Session) -> list[Account]:
    """Every account, by name."""
    return list(session.scalars(select(Account).order_by(Account.name)))


def named(session: Session, name: str) -> Account:
    """Raises NotFound."""
    found = session.scalars(select(Account).where(Account.name == name)).one_or_none()
    if found is None:
        raise NotFound(f"There is no account {name}; `duologue accounts list` shows them.")
    return found


def of(session: Session, account_id: uuid.UUID) -> Account:
    """The account of a caller, as it is now."""
    return session.scalars(select(Account).where(Account.id == account_id)).one()


def create(session: Session, name: str) -> Account:
    """Make an account, unlimited. Raises Conflict when there is one of that name."""
    new = insert(Account).values(id=ids.new_id(), name=name, webhook_secret=ids.new_webhook_secret())
    made = session.scalars(new.on_conflict_do_nothing(index_elements=["name"]).returning(Account)).one_or_none()
    if made is None:
        raise Conflict(f"There is an account {name} already; `duologue accounts show {name}` shows it.")
    return made


def pause(session: Session, account: Account, because: str) -> Account:
    """Let no job of the account begin until it is resumed; `because` is a sentence for whoever waits."""
    session.execute(
        update(Account)
        .where(Account.id == account.id)
        .values(paused_at=func.coalesce(Account.paused_at, func.now()), paused_because=because)
    )
    session.refresh(account)
    return account


def resume(session: Session, account: Account) -> Account:
    """Let its jobs begin again, in turn with everybody's."""
    account.paused_at, account.paused_because = None, ""
    session.flush()
    return account


def change(session: Session, account: Account, changes: Changes) -> Account:
    """Have the account's terms be others from the next order on; jobs that were taken stay taken."""
    if changes:
        session.execute(update(Account).where(Account.id == account.id).values(**changes))
        session.refresh(account)
    return account
