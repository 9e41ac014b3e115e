"""Kinds of failures: which there are, and what operators think of them."""

from typing import Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import Posted
from api.console.visits import Changer, Reader
from jobs import audit, failures, ids
from jobs.database import transaction
from jobs.failures import STANDINGS, Standing

router = APIRouter()

LIST: Final = f"{PREFIX}/errors"
MOST: Final = 100

_VERBS: Final = {
    "resolve": (failures.resolve, "It is resolved, until it happens again."),
    "ignore": (failures.ignore, "It is ignored from now on, however often it happens."),
    "reopen": (failures.reopen, "It is open again."),
}


@router.get("/errors")
def known(visit: Reader, standing: Standing = "open") -> Response:
    """Show the kinds of failures that stand so, the latest first."""
    with transaction() as session:
        found = failures.known(session, standing, limit=MOST)
    return rendering.page(visit, "errors.html", groups=found, standing=standing, standings=STANDINGS, most=MOST)


@router.post("/errors/{group_id}/{verb}")
def change(visit: Changer, fields: Posted, group_id: str, verb: Literal["resolve", "ignore", "reopen"]) -> Response:
    """Say what one thinks of a kind of failure."""
    perform, said = _VERBS[verb]
    with transaction() as session:
        group = failures.group(session, ids.parse(group_id)).group
    with audit.recorded(visit.actor, f"error.{verb}", group_id, error=group.sentence), transaction() as session:
        perform(session, group.id)
    return rendering.redirect(rendering.local(fields.secret("back"), LIST), said)
