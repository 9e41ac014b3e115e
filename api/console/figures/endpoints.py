"""Webhook endpoints of every account with how they stand, for the console."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from jobs.errors import NotFound
from jobs.rules.deliveries import Status
from jobs.tables import Account, Delivery, Endpoint, Receiver

RECENT = timedelta(days=1)


@dataclass(frozen=True)
class Standing:
    """One endpoint: whose it is, what is owed to it and since when, and how it has answered of late."""

    endpoint: Endpoint
    account: str
    owed: int
    owed_since: datetime | None
    failures: int | None
    failing_since: datetime | None
    shut_until: datetime | None

    @property
    def state(self) -> Literal["active", "paused", "disabled", "failing"]:
        if self.endpoint.disabled_at is not None:
            return "disabled"
        if self.endpoint.paused_at is not None:
            return "paused"
        return "failing" if self.failures else "active"


def everybody(session: Session, *, account: str | None = None, limit: int = 200) -> list[Standing]:
    """Endpoints, those in trouble first."""
    query = _standings().order_by(
        Endpoint.disabled_at.desc().nulls_last(), Receiver.failures.desc().nulls_last(), Account.name, Endpoint.id
    )
    if account is not None:
        query = query.where(Account.name == account)
    return [Standing(*row) for row in session.execute(query.limit(limit))]


def one(session: Session, endpoint_id: uuid.UUID | None) -> Standing:
    """Raises NotFound."""
    row = session.execute(_standings().where(Endpoint.id == endpoint_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such webhook endpoint.")
    return Standing(*row)


def lately(session: Session, endpoint_id: uuid.UUID) -> dict[str, int]:
    """How many deliveries of the last day stand how."""
    of_late = (Delivery.endpoint_id == endpoint_id, Delivery.created_at > func.now() - RECENT)
    counted = select(Delivery.status, func.count()).where(*of_late).group_by(Delivery.status)
    return {row[0]: row[1] for row in session.execute(counted)}


def owner_of_delivery(session: Session, delivery_id: uuid.UUID | None) -> uuid.UUID:
    """Whose delivery it is. Raises NotFound."""
    found = session.scalars(select(Delivery.account_id).where(Delivery.id == delivery_id)).one_or_none()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def _standings() -> Select[Endpoint, str, int, datetime, int | None, datetime | None, datetime | None]:
    owed = (Delivery.lane == Endpoint.id, Delivery.status == Status.OWED)
    return (
        select(
            Endpoint,
            Account.name,
            select(func.count()).where(*owed).scalar_subquery(),
            select(func.min(Delivery.owed_since)).where(*owed).scalar_subquery(),
            Receiver.failures,
            Receiver.failing_since,
            Receiver.shut_until,
        )
        .join(Account, Account.id == Endpoint.account_id)
        .outerjoin(Receiver, Receiver.lane == Endpoint.id)
        .where(Endpoint.deleted_at.is_(None))
    )
