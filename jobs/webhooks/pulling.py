"""Endpoints without a URL: whoever listens to their stream is given what is owed, signed as it would be posted."""

import time
import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import accounts
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict
from jobs.rules.deliveries import Status
from jobs.tables import Delivery, Endpoint
from jobs.webhooks import writing
from jobs.webhooks.endpoints import own
from jobs.webhooks.letters import Letter, Post

BATCH = 100


def listen(caller: Caller, endpoint_id: uuid.UUID | None) -> Endpoint:
    """The endpoint, if it is one to listen to. Raises NotFound, and Conflict when it has a URL."""
    with transaction() as session:
        found = own(session, caller, endpoint_id)
        if found.url is not None:
            raise Conflict("The endpoint has a URL, where its deliveries are posted; make one without to listen.")
        return found


def pull(caller: Caller, endpoint_id: uuid.UUID) -> list[tuple[uuid.UUID, Post]]:
    """What is owed to a listener, oldest first, as it would be posted; it counts as delivered from now on.

    Raises NotFound once the endpoint is gone, NotAuthenticated once the caller's key may no longer listen.
    """
    with transaction() as session:
        if not accounts.still_allowed(session, [caller.key_id], "manage"):
            raise accounts.unknown()
        found = own(session, caller, endpoint_id)
        found.pulled_at = func.now()  # the database's clock
        rows = [] if found.paused_at else _owed(session, found)
        letters = writing.letters(session, [writing.owed(row) for row in rows])
        for row, letter in zip(rows, letters, strict=True):
            row.settled_at = func.clock_timestamp()
            row.status = Status.DELIVERED if isinstance(letter, Letter) else Status.GIVEN_UP
            row.reason = "" if isinstance(letter, Letter) else letter.why
    timestamp = int(time.time())
    return [(one.delivery_id, one.post(timestamp)) for one in letters if isinstance(one, Letter)]


def _owed(session: Session, found: Endpoint) -> list[Delivery]:
    owed = select(Delivery).where(Delivery.lane == found.id, Delivery.status == Status.OWED)
    return list(session.scalars(owed.order_by(Delivery.due_at, Delivery.id).limit(BATCH).with_for_update()))
