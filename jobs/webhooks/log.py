"""What became of deliveries, for their owner: the log, one with its tries and its request, and sending again."""

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session

from jobs import outbox
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, NotFound
from jobs.rules.deliveries import Status
from jobs.tables import Delivery, Endpoint, Job, Receiver, Try
from jobs.webhooks import writing
from jobs.webhooks.endpoints import own
from jobs.webhooks.letters import Letter

REPLAY_MAX = 10_000
_CAN_BE_TOLD = or_(Delivery.job_id.is_(None), exists().where(Job.id == Delivery.job_id, Job.deleted_at.is_(None)))
"""A letter of a job is written from its row."""


@dataclass(frozen=True)
class Entry:
    """One delivery with all that is known: its tries, oldest first, and its request, None where there is none now.

    The request is as it would be posted now, without signatures: neither its own nor those of links.
    """

    delivery: Delivery
    tries: Sequence[Try]
    url: str | None
    headers: dict[str, str]
    body: dict[str, Any] | None


def deliveries(
    caller: Caller,
    endpoint_id: uuid.UUID | None,
    *,
    status: str | None = None,
    older_than: uuid.UUID | None = None,
    limit: int = 50,
) -> list[Delivery]:
    """An endpoint's deliveries, newest first, at most `limit`. Raises NotFound."""
    with transaction() as session:
        query = select(Delivery).where(Delivery.endpoint_id == own(session, caller, endpoint_id).id)
        if status is not None:
            query = query.where(Delivery.status == status)
        if older_than is not None:
            query = query.where(Delivery.id < older_than)
        return list(session.scalars(query.order_by(Delivery.id.desc()).limit(limit)))


def of_job(caller: Caller, job_id: uuid.UUID | None) -> list[Delivery]:
    """All that was owed because of one job, oldest first; its progress is left out. Raises NotFound."""
    with transaction() as session:
        known = select(Job.id).where(Job.id == job_id, Job.account_id == caller.account_id, Job.deleted_at.is_(None))
        if session.execute(known).one_or_none() is None:
            raise NotFound("There is no such job.")
        told = select(Delivery).where(Delivery.job_id == job_id, Delivery.kind != "job.progress")
        return list(session.scalars(told.order_by(Delivery.id)))


def entry(caller: Caller, delivery_id: uuid.UUID | None) -> Entry:
    """One delivery. Raises NotFound for everything but the caller's own."""
    with transaction() as session:
        found = _own(session, caller, delivery_id)
        tries = session.scalars(select(Try).where(Try.delivery_id == found.id).order_by(Try.id)).all()
        [letter] = writing.letters(session, [writing.owed(found)])
    if not isinstance(letter, Letter):
        return Entry(found, tries, None, {}, None)
    headers = letter.post(0).headers
    shown = {name: headers[name] for name in ("Content-Type", "User-Agent", "webhook-id")}
    return Entry(found, tries, letter.url or None, shown, _without_signatures(json.loads(letter.body)))


def test(caller: Caller, endpoint_id: uuid.UUID | None) -> Delivery:
    """Owe a `webhook.test` to an endpoint. Raises NotFound, and Conflict where nothing is posted to it now."""
    with transaction() as session:
        found = own(session, caller, endpoint_id)
        if found.paused_at or found.disabled_at:
            raise Conflict("The endpoint is paused or switched off; resume it first.")
        shut = select(Receiver.shut_until).where(Receiver.lane == found.id, Receiver.shut_until > func.now())
        if (until := session.scalars(shut).one_or_none()) is not None:
            raise Conflict(
                f"The endpoint failed again and again, and is left in peace until {until:%H:%M:%S} UTC; once it is "
                "mended, resume it to have it told at once."
            )
        return session.get_one(Delivery, outbox.owe_test(session, found))


def resend(caller: Caller, delivery_id: uuid.UUID | None) -> Delivery:
    """Owe a delivery once more, with the id it had: at once where it is still owed.

    Raises NotFound, and Conflict where nothing is posted any more: it would be given up at once.
    """
    with transaction() as session:
        found = _own(session, caller, delivery_id)
        to = session.get(Endpoint, found.endpoint_id) if found.endpoint_id else None
        if to is not None and to.deleted_at:
            raise Conflict("Its endpoint was deleted; the delivery can be read, and not be sent again.")
        if to is not None and to.disabled_at:
            raise Conflict("Its endpoint is switched off; resume it first.")
        if session.scalars(select(Delivery.id).where(Delivery.id == found.id, ~_CAN_BE_TOLD)).one_or_none():
            raise Conflict("Its job is no longer kept; the delivery can be read, and not be sent again.")
        session.execute(owed_again(update(Delivery).where(Delivery.id == found.id)))
        session.refresh(found)
        return found


def resend_of_jobs(job_ids: Collection[uuid.UUID]) -> int:
    """Owe again all that these jobs' receivers were told or not told of their ends; how many deliveries.

    For operators: whose jobs they are is not asked. Endpoints that are switched off or deleted are left out.
    """
    off = or_(Endpoint.disabled_at.is_not(None), Endpoint.deleted_at.is_not(None))
    settled = and_(
        Delivery.job_id.in_(job_ids),
        Delivery.status != Status.OWED,
        Delivery.kind != "job.progress",
        ~exists().where(Endpoint.id == Delivery.endpoint_id, off),
    )
    with transaction() as session:
        return len(session.execute(owed_again(update(Delivery).where(settled)).returning(Delivery.id)).all())


def replay(caller: Caller, endpoint_id: uuid.UUID | None, since: datetime) -> int:
    """Owe again what was given up of an endpoint's and happened at `since` or later; how many there were.

    What was given up of jobs that are no longer kept stays given up. At most 10,000 at once, the oldest first. Raises
    NotFound, and Conflict while the endpoint is switched off.
    """
    with transaction() as session:
        found = own(session, caller, endpoint_id)
        if found.disabled_at:
            raise Conflict("The endpoint is switched off; resume it first.")
        given_up = (
            select(Delivery.id)
            .where(Delivery.endpoint_id == found.id, Delivery.status == Status.GIVEN_UP)
            .where(Delivery.created_at >= since, Delivery.kind != "job.progress", _CAN_BE_TOLD)
            .order_by(Delivery.id)
            .limit(REPLAY_MAX)
        )
        again = owed_again(update(Delivery).where(Delivery.id.in_(given_up))).returning(Delivery.id)
        return len(session.execute(again).all())


def owed_again(statement: Any) -> Any:  # noqa: ANN401 - an update of deliveries, whatever it returns
    """Whoever is just posting it may end that in peace: its turn is over, so what it tells changes nothing."""
    return statement.values(
        status=Status.OWED,
        settled_at=None,
        reason="",
        tries=0,
        turn=Delivery.turn + 1,
        taken_until=None,
        owed_since=func.clock_timestamp(),
        due_at=func.clock_timestamp(),
    ).execution_options(synchronize_session=False)


def _own(session: Session, caller: Caller, delivery_id: uuid.UUID | None) -> Delivery:
    query: Select[Delivery] = select(Delivery).where(
        Delivery.id == delivery_id, Delivery.account_id == caller.account_id
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def _without_signatures(body: Any) -> Any:  # noqa: ANN401 - JSON
    """The same with every link cut before its query, for readers of the log."""
    if isinstance(body, dict):
        return {name: _without_signatures(value) for name, value in body.items()}
    if isinstance(body, list):
        return [_without_signatures(value) for value in body]
    if isinstance(body, str) and "X-Amz-Signature=" in body:
        return body.partition("?")[0]
    return body
