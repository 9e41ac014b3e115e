"""Batches of all accounts, newest first, and one of them."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.batches.looking import states_of
from jobs.errors import NotFound
from jobs.tables import Account, Batch

Shown = tuple[Batch, str, dict[str, int]]
"""A batch, its account's name, and how many of its jobs stand how."""


def page(
    session: Session, *, account: str = "", status: str = "", before: uuid.UUID | None = None, limit: int = 50
) -> Sequence[Shown]:
    """Those that fit, newest first."""
    query = select(Batch, Account.name).join(Account, Account.id == Batch.account_id)
    if account:
        query = query.where(Account.name == account)
    if status:
        query = query.where(Batch.status == status)
    if before is not None:
        query = query.where(Batch.id < before)
    rows = session.execute(query.order_by(Batch.id.desc()).limit(limit)).all()
    return [(batch, name, states_of(session, batch)) for batch, name in rows]


def one(session: Session, batch_id: uuid.UUID | None) -> Shown:
    """Raises NotFound."""
    query = select(Batch, Account.name).join(Account, Account.id == Batch.account_id).where(Batch.id == batch_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no such batch.")
    return (row[0], row[1], states_of(session, row[0]))
