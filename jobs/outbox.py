"""What somebody is to be told, written down inside the transaction that made it true; posting it is others' work."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from jobs import ids
from jobs.rules import deliveries
from jobs.rules.deliveries import Status
from jobs.tables import Delivery, Endpoint, Job, Json

_DISABLED = "its endpoint was switched off by then"


def owe(session: Session, job: Job, kind: str) -> None:
    """Owe what has just happened to `job` to the URL it was ordered with and to every endpoint that wants it."""
    if kind not in deliveries.FINAL_KINDS:
        return
    with session.no_autoflush:  # our question must not write a row that is half changed
        rows = _to_endpoints(session, job.account_id, kind, job.id, {})
    if job.webhook_url:
        rows.append(
            _row(job.account_id, kind, deliveries.lane_of(job.account_id, job.webhook_url))
            | {"job_id": job.id, "url": job.webhook_url}
        )
    _write(session, rows)


def announce(
    session: Session, account_id: uuid.UUID, kind: str, facts: Mapping[str, Any], *, url: str | None = None
) -> None:
    """Owe something that is not of one job to every endpoint that subscribed to it, and to `url` if there is one.

    `facts` are its `data`, as JSON.
    """
    with session.no_autoflush:
        rows = _to_endpoints(session, account_id, kind, None, dict(facts))
    if url:
        rows.append(_row(account_id, kind, deliveries.lane_of(account_id, url)) | {"url": url, "detail": dict(facts)})
    _write(session, rows)


def owe_test(session: Session, endpoint: Endpoint) -> uuid.UUID:
    """Owe a test to one endpoint, whatever it subscribed to; the delivery's id."""
    row = _row(endpoint.account_id, deliveries.TEST, endpoint.id)
    _write(session, [row | {"endpoint_id": endpoint.id, "detail": {"endpoint": endpoint.id.hex}}])
    delivery_id: uuid.UUID = row["id"]
    return delivery_id


def _to_endpoints(
    session: Session, account_id: uuid.UUID, kind: str, job_id: uuid.UUID | None, detail: Json
) -> list[dict[str, Any]]:
    """One that is switched off is owed too, and given up at once: a replay finds what it missed."""
    own = (Endpoint.account_id == account_id, Endpoint.deleted_at.is_(None), Endpoint.kinds.contains([kind]))
    found = session.execute(select(Endpoint.id, Endpoint.disabled_at).where(*own)).all()
    rows = []
    for endpoint_id, disabled_at in found:
        row = _row(account_id, kind, endpoint_id) | {"endpoint_id": endpoint_id, "job_id": job_id, "detail": detail}
        rows.append(row | (_given_up() if disabled_at else {}))
    return rows


def _row(account_id: uuid.UUID, kind: str, lane: uuid.UUID) -> dict[str, Any]:
    return {
        "id": ids.new_id(),
        "account_id": account_id,
        "lane": lane,
        "kind": kind,
        "endpoint_id": None,
        "job_id": None,
        "url": None,
        "detail": {},
        "status": Status.OWED,
        "settled_at": None,
        "reason": "",
    }


def _given_up() -> dict[str, Any]:
    return {"status": Status.GIVEN_UP, "settled_at": func.now(), "reason": _DISABLED}


def _write(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:  # two at most, nearly always: a URL and an endpoint
        session.execute(insert(Delivery).values(row))
