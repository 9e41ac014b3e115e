"""Endpoints without a URL: whoever listens to their stream is given what is owed, signed as it would be posted."""

import json
import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import func, or_, select, text, tuple_, update
from sqlalchemy.orm import Session

from jobs import accounts, ids
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, NotFound
from jobs.rules import moments
from jobs.rules.deliveries import Status
from jobs.tables import Delivery, Endpoint
from jobs.webhooks import writing
from jobs.webhooks.endpoints import own
from jobs.webhooks.letters import Letter
from jobs.webhooks.log import REPLAY_MAX, owed_again
from jobs.webhooks.taking import hold_seconds

BATCH = 100
_NOTED = timedelta(minutes=1)
"""How often it is written down, at most, that somebody listens."""
_CLOCKS_APART = timedelta(minutes=1)
"""Ids are drawn by a door's clock, deliveries are settled by Postgres'."""

# EXISTS may be answered by reading all that anybody is owed; asked in the order of its index, each lane is looked up.
_WITH_NEWS = text("""
    SELECT id FROM endpoints
    WHERE id = ANY(:listened) AND (
        deleted_at IS NOT NULL
        OR paused_at IS NULL AND (
            SELECT true FROM deliveries
            WHERE lane = endpoints.id AND status = 'owed' AND (taken_until IS NULL OR taken_until <= now())
            ORDER BY due_at LIMIT 1
        )
    )
""")

_HEARD = text("""
    UPDATE deliveries SET status = 'delivered', settled_at = now(), taken_until = NULL
    FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS told(id uuid, turn bigint)
    WHERE deliveries.id = told.id AND deliveries.turn = told.turn AND deliveries.settled_at IS NULL
""")


def listen(caller: Caller, endpoint_id: uuid.UUID | None, last_heard: uuid.UUID | None = None) -> Endpoint:
    """The endpoint, if it is one to listen to; what was told after the delivery `last_heard` is owed again.

    For `last_heard` an earlier `listener`, or the endpoint, stands for nothing heard since that was drawn. The new
    `listener` names whoever pulls from now on. Of the one before nothing more is believed: what it holds is owed again.
    Raises NotFound, and Conflict when it has a URL.
    """
    with transaction() as session:
        found = own(session, caller, endpoint_id, locked=True, key_share=True)
        if found.url is not None:
            raise Conflict("The endpoint has a URL, where its deliveries are posted; make one without to listen.")
        found.listener = ids.new_id()
        _take_away(session, found)
        if last_heard is not None:
            _owe_unheard(session, found, last_heard)
        return found


def with_news(listened: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these endpoints there is something to pull for, or are gone: one question for all who listen."""
    with transaction() as session:
        return set(session.scalars(_WITH_NEWS, {"listened": list(listened)}))


def pull(
    caller: Caller, endpoint_id: uuid.UUID, listener: uuid.UUID | None, heard: Sequence[Letter] = ()
) -> list[Letter]:
    """What is owed to a listener, oldest first, as it would be posted; what it `heard` counts as delivered.

    Whoever pulls has `hold_seconds` to come back with it or hand it back; then it is free for others. Raises NotFound
    once the endpoint is gone or another listens, NotAuthenticated once the caller's key may no longer listen.
    """
    with transaction() as session:
        if not accounts.still_allowed(session, [caller.key_id], "manage"):
            raise accounts.unknown()
        found = own(session, caller, endpoint_id, locked=True, key_share=True)
        if found.listener != listener:
            raise NotFound("Somebody else listens to the endpoint by now.")
        _note(session, found)
        if heard:
            told = json.dumps([{"id": one.delivery_id.hex, "turn": one.turn} for one in heard])
            session.execute(_HEARD, {"told": told})
        rows = [] if found.paused_at else _owed(session, found)
        for row in rows:
            row.turn += 1
            row.taken_until = func.now() + timedelta(seconds=hold_seconds())
        letters = writing.letters(session, [writing.owed(row) for row in rows])
        for row, letter in zip(rows, letters, strict=True):
            if not isinstance(letter, Letter):
                row.status, row.reason = Status.GIVEN_UP, letter.why
                row.settled_at, row.taken_until = func.clock_timestamp(), None
    return [one for one in letters if isinstance(one, Letter)]


def _take_away(session: Session, found: Endpoint) -> None:
    """Free what is held of its deliveries, but for what is handed back at this moment and free by that."""
    owed = select(Delivery.id).where(Delivery.lane == found.id, Delivery.status == Status.OWED)
    held = owed.where(Delivery.taken_until.is_not(None)).with_for_update(skip_locked=True)
    free = update(Delivery).where(Delivery.id.in_(held)).values(turn=Delivery.turn + 1, taken_until=None)
    session.execute(free.execution_options(synchronize_session=False))


def _owe_unheard(session: Session, found: Endpoint, last_heard: uuid.UUID) -> None:
    """In the order they were told: pull by pull, and in each as they were due.

    What is no delivery of its own is an id drawn as somebody began to listen, who has heard nothing since.
    """
    told = tuple_(Delivery.settled_at, Delivery.due_at, Delivery.id)
    of_endpoint = (Delivery.endpoint_id == found.id, Delivery.status == Status.DELIVERED)
    last = session.get(Delivery, last_heard)
    if last is None or last.endpoint_id != found.id:
        drawn = min(max(last_heard, found.id), found.listener or found.id)
        later = [Delivery.settled_at >= moments.of_id(drawn) - _CLOCKS_APART]
    elif last.status == Status.DELIVERED:
        # The moment is said by itself too: an index knows it, and of the three together none does.
        later = [Delivery.settled_at >= last.settled_at, told > (last.settled_at, last.due_at, last.id)]
    else:
        return  # what came after it is still owed as well
    unheard = select(Delivery.id).where(*of_endpoint, *later).order_by(told).limit(REPLAY_MAX)
    again = owed_again(update(Delivery).where(Delivery.id.in_(unheard)))
    session.execute(again.values(due_at=Delivery.due_at))  # so that they keep their order


def _note(session: Session, found: Endpoint) -> None:
    """By the database's clock."""
    long_ago = or_(Endpoint.pulled_at.is_(None), Endpoint.pulled_at < func.now() - _NOTED)
    session.execute(
        update(Endpoint)
        .where(Endpoint.id == found.id, long_ago)
        .values(pulled_at=func.now())
        .execution_options(synchronize_session=False)
    )


def _owed(session: Session, found: Endpoint) -> list[Delivery]:
    free = or_(Delivery.taken_until.is_(None), Delivery.taken_until <= func.now())
    owed = select(Delivery).where(Delivery.lane == found.id, Delivery.status == Status.OWED, free)
    in_order = owed.order_by(Delivery.due_at, Delivery.id).limit(BATCH)
    return list(session.scalars(in_order.with_for_update(skip_locked=True)))
