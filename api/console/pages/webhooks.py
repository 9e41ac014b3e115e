"""Webhook endpoints of every account: how they stand, what they were told, and what helps them up again."""

import uuid
from collections.abc import Callable
from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import Cursor, Filter, Posted
from api.console.figures import endpoints as figures
from api.console.visits import Changer, Reader
from jobs import accounts, audit, ids, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules.deliveries import Status

router = APIRouter()

LIST: Final = f"{PREFIX}/webhooks"
PAGE: Final = 50
_NO_KEY: Final = uuid.UUID(int=0)

_VERBS: Final[dict[str, tuple[Callable[[Caller, uuid.UUID | None], object], str]]] = {
    "pause": (webhooks.pause, "The endpoint is paused: what is owed to it waits."),
    "resume": (webhooks.resume, "The endpoint is told again, from now on."),
    "test": (webhooks.test, "A test is owed to it and posted at once; the newest delivery below."),
}


@router.get("/webhooks")
def everybody(visit: Reader, account: Filter = "") -> Response:
    """Show every account's endpoints, those in trouble first."""
    with transaction() as session:
        found = figures.everybody(session, account=account or None)
    return rendering.page(visit, "webhooks.html", standings=found, account=account)


@router.get("/webhooks/{endpoint_id}")
def show(visit: Reader, endpoint_id: str, status: Filter = "", before: Cursor = "") -> Response:
    """Show one endpoint and what it was told, newest first."""
    with transaction() as session:
        standing = figures.one(session, ids.parse(endpoint_id))
        lately = figures.lately(session, standing.endpoint.id)
        owner = accounts.owner(session, standing.endpoint.account_id, _NO_KEY)
    known = [one for one in Status if one == status]
    found = webhooks.deliveries(
        owner, standing.endpoint.id, status=known[0] if known else None, older_than=ids.parse(before), limit=PAGE + 1
    )
    facts: dict[str, Any] = {"statuses": [str(one) for one in Status], "wanted": status, "before": before}
    return rendering.page(
        visit,
        "webhook.html",
        standing=standing,
        endpoint=standing.endpoint,
        lately=lately,
        deliveries=found[:PAGE],
        has_more=len(found) > PAGE,
        **facts,
    )


@router.post("/webhooks/{endpoint_id}/{verb}")
def change(visit: Changer, endpoint_id: str, verb: Literal["pause", "resume", "test"]) -> Response:
    """Pause an endpoint, let it go on, or post a test to it."""
    perform, said = _VERBS[verb]
    with transaction() as session:
        standing = figures.one(session, ids.parse(endpoint_id))
        owner = accounts.owner(session, standing.endpoint.account_id, _NO_KEY)
    with audit.recorded(visit.actor, f"webhook.{verb}", endpoint_id, account=standing.account):
        perform(owner, standing.endpoint.id)
    return rendering.redirect(f"{LIST}/{endpoint_id}", said)


@router.get("/deliveries/{delivery_id}")
def show_delivery(visit: Reader, delivery_id: str) -> Response:
    """Show one delivery with its tries and its request."""
    return rendering.page(visit, "delivery.html", entry=webhooks.entry(_owner(delivery_id), ids.parse(delivery_id)))


@router.post("/deliveries/{delivery_id}/resend")
def resend(visit: Changer, fields: Posted, delivery_id: str) -> Response:
    """Post a delivery once more, with the id it had."""
    owner = _owner(delivery_id)
    with audit.recorded(visit.actor, "delivery.resend", delivery_id, account=owner.account):
        webhooks.resend(owner, ids.parse(delivery_id))
    back = rendering.local(fields.secret("back"), f"{PREFIX}/deliveries/{delivery_id}")
    return rendering.redirect(back, "It is owed once more, and posted at once.")


def _owner(delivery_id: str) -> Caller:
    with transaction() as session:
        account_id = figures.owner_of_delivery(session, ids.parse(delivery_id))
        return accounts.owner(session, account_id, _NO_KEY)
