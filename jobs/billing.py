"""Answers what an account's jobs have cost and what was made of them; reads only, and counts what was deleted too."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, Date, Select, and_, func, select, union_all
from sqlalchemy.orm import aliased

from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules import moments
from jobs.rules.money import Kind
from jobs.tables import ApiKey, ArchivedJob, Job, LedgerEntry


@dataclass(frozen=True)
class EntryFilter:
    """Which entries are asked for; what is None does not matter, and both instants are part of the span."""

    kinds: Collection[Kind] | None = None
    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    key_ids: Collection[uuid.UUID] | None = None
    job_ids: Collection[uuid.UUID] | None = None


class Line(NamedTuple):
    """One entry with the name of the key that caused it, and the state of its job unless that is no longer shown."""

    entry: LedgerEntry
    key_name: str | None
    job_status: str | None


class Used(NamedTuple):
    """The jobs of one day, model, engine, state and error class: how many, what they cost, how long they rendered."""

    day: date
    model: str
    engine: str
    status: str
    error_class: str | None
    jobs: int
    cost_usd: Decimal
    inference_ms: int


def entries(
    caller: Caller,
    wanted: EntryFilter,
    *,
    before_id: int | None = None,
    oldest_first: bool = False,
    skip: int = 0,
    limit: int = 50,
) -> list[Line]:
    """The account's ledger, newest first unless said otherwise, at most `limit` entries.

    `before_id` is the last id of the page before; `skip` leaves so many out instead, and costs as many rows.
    """
    conditions = [LedgerEntry.account_id == caller.account_id, *_conditions(wanted)]
    if before_id is not None:
        conditions.append(LedgerEntry.id < before_id)
    order = LedgerEntry.id if oldest_first else LedgerEntry.id.desc()
    page = select(LedgerEntry).where(*conditions).order_by(order).offset(skip).limit(limit).subquery()
    entry = aliased(LedgerEntry, page)
    query = (
        select(entry, ApiKey.name, func.coalesce(Job.status, ArchivedJob.status))
        .outerjoin(ApiKey, ApiKey.id == entry.key_id)
        .outerjoin(Job, and_(Job.id == entry.job_id, Job.deleted_at.is_(None)))
        .outerjoin(ArchivedJob, and_(ArchivedJob.id == entry.job_id, ArchivedJob.deleted_at.is_(None)))
        .order_by(entry.id if oldest_first else entry.id.desc())
    )
    with transaction() as session:
        return [Line(*row) for row in session.execute(query)]


def usage(caller: Caller, since: datetime, until: datetime, model: str | None = None) -> list[Used]:
    """What was made of the jobs accepted from `since` to `until`, by the day of their acceptance in UTC, oldest first.

    A job costs what it was charged, or what is held for it while it is not final.
    """
    orders = union_all(*(_orders(table, caller, since, until, model) for table in (Job, ArchivedJob))).subquery()
    groups = (orders.c.day, orders.c.model, orders.c.engine, orders.c.status, orders.c.error_class)
    sums = (func.count(), func.sum(orders.c.price_usd), func.sum(orders.c.inference_ms))
    with transaction() as session:
        return [Used(*row) for row in session.execute(select(*groups, *sums).group_by(*groups).order_by(*groups))]


def _conditions(wanted: EntryFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.kinds is not None:
        yield LedgerEntry.kind.in_(wanted.kinds)
    if wanted.since is not None:
        yield LedgerEntry.at >= wanted.since
    if wanted.until is not None:
        yield LedgerEntry.at <= wanted.until
    if wanted.model is not None:
        yield LedgerEntry.model == wanted.model
    if wanted.key_ids is not None:
        yield LedgerEntry.key_id.in_(wanted.key_ids)
    if wanted.job_ids is not None:
        yield LedgerEntry.job_id.in_(wanted.job_ids)


def _orders(
    table: type[Job] | type[ArchivedJob], caller: Caller, since: datetime, until: datetime, model: str | None
) -> Select[date, str, str, str, str | None, Decimal, int]:
    """The account's orders of that time. The range of ids says nothing new: it is what indexes and months know."""
    day = func.date_trunc("day", table.created_at, "UTC").cast(Date).label("day")
    columns = (day, table.model, table.engine, table.status, table.error_class, table.price_usd, table.inference_ms)
    return select(*columns).where(
        table.account_id == caller.account_id,
        table.created_at.between(since, until),
        table.id.between(moments.earliest_id(since), moments.latest_id(until)),
        *([] if model is None else [table.model == model]),
    )
