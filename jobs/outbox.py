"""What somebody is to be told, written down inside the transaction that made it true; posting it is others' work."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from jobs import ids
from jobs.rules import deliveries
from jobs.rules.deliveries import Status
from jobs.tables import Delivery, Endpoint, Job

_DISABLED = "its endpoint was switched off by then"


def owe(session: Session, job: Job, kind: str) -> None:
    """Owe what has just happened to `job` to the URL it was ordered with and to every endpoint that wants it."""
    if kind not in deliveries.FINAL_KINDS:
        return
    with session.no_autoflush:  # our question must not write a row that is half changed
        subscribed = _subscribed(session, job.account_id, kind)
    rows = addressed(job.account_id, *subscribed, job.webhook_url)
    _write(session, [row | {"job_id": job.id} for row in rows], job.account_id, kind)


def addressed(
    account_id: uuid.UUID,
    endpoints: Collection[uuid.UUID],
    switched_off: Collection[uuid.UUID],
    url: str | None,
) -> list[dict[str, Any]]:
    """What is owed to whom, as the beginning of rows: to endpoints, and to the URL that came with a request.

    An endpoint that is switched off is owed too, and given up at once: a replay finds what it missed.
    """
    rows = [_row(one) | {"endpoint_id": one} for one in endpoints]
    given_up = {"status": Status.GIVEN_UP, "reason": _DISABLED}
    rows += [_row(one) | {"endpoint_id": one} | given_up for one in switched_off]
    return rows + ([_row(deliveries.lane_of(account_id, url)) | {"url": url}] if url else [])


def announce(
    session: Session, account_id: uuid.UUID, kind: str, facts: Mapping[str, Any], *, url: str | None = None
) -> None:
    """Owe something that is not of one job to every endpoint that subscribed to it, and to `url` if there is one.

    `facts` are its `data`, as JSON.
    """
    with session.no_autoflush:
        subscribed = _subscribed(session, account_id, kind)
    rows = addressed(account_id, *subscribed, url)
    _write(session, [row | {"detail": dict(facts)} for row in rows], account_id, kind)


def owe_test(session: Session, endpoint: Endpoint) -> uuid.UUID:
    """Owe a test to one endpoint, whatever it subscribed to; the delivery's id."""
    row = _row(endpoint.id) | {"endpoint_id": endpoint.id, "detail": {"endpoint": endpoint.id.hex}}
    _write(session, [row], endpoint.account_id, deliveries.TEST)
    delivery_id: uuid.UUID = row["id"]
    return delivery_id


def _subscribed(session: Session, account_id: uuid.UUID, kind: str) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """The account's endpoints that want to hear of it: those that are on, and those that are switched off."""
    own = (Endpoint.account_id == account_id, Endpoint.deleted_at.is_(None), Endpoint.kinds.contains([kind]))
    found = session.execute(select(Endpoint.id, Endpoint.disabled_at).where(*own)).all()
    return [row.id for row in found if not row.disabled_at], [row.id for row in found if row.disabled_at]


def _row(lane: uuid.UUID) -> dict[str, Any]:
    return {"id": ids.new_id(), "lane": lane, "endpoint_id": None, "url": None, "status": Status.OWED, "reason": ""}


def _write(session: Session, rows: Sequence[dict[str, Any]], account_id: uuid.UUID, kind: str) -> None:
    for row in rows:  # two at most, nearly always: a URL and an endpoint
        settled_at = None if row["status"] == Status.OWED else func.now()
        whole = {"account_id": account_id, "kind": kind, "settled_at": settled_at} | row
        session.execute(insert(Delivery).values(whole))
