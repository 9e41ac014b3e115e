"""Batches of all accounts: how far they are, and what their owners could do with them."""

from collections.abc import Callable
from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import Cursor, Filter, Posted
from api.console.figures import batches as figures
from api.console.visits import Changer, Reader
from jobs import accounts, audit, batches, ids
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules.batches import Status

router = APIRouter()

LIST: Final = f"{PREFIX}/batches"
PAGE: Final = 25
_VERBS: Final[dict[str, tuple[Callable[..., object], str]]] = {
    "pause": (batches.pause, "It begins no more jobs until it is resumed; what runs goes on."),
    "resume": (batches.resume, "It goes on."),
    "cancel": (batches.cancel, "Its waiting jobs are cancelled, its running ones told to stop."),
}

Verb = Literal["pause", "resume", "cancel"]


@router.get("/batches")
def page(visit: Reader, account: Filter = "", status: Filter = "", before: Cursor = "") -> Response:
    """List batches, newest first."""
    with transaction() as session:
        found = figures.page(session, account=account, status=status, before=ids.parse(before), limit=PAGE + 1)
    wanted = {"account": account, "status": status}
    statuses = [("", "any"), *((one.value, one.value.replace("_", " ")) for one in Status)]
    facts: dict[str, Any] = {
        "batches": found[:PAGE],
        "has_more": len(found) > PAGE,
        "wanted": wanted,
        "statuses": statuses,
    }
    return rendering.page(visit, "batches.html", **facts)


@router.get("/batches/{batch_id}")
def show(visit: Reader, batch_id: str) -> Response:
    """Show one batch."""
    with transaction() as session:
        batch, account, states = figures.one(session, ids.parse(batch_id))
    is_final = Status(batch.status).is_final
    return rendering.page(visit, "batch.html", batch=batch, account=account, states=states, is_final=is_final)


@router.post("/batches/{batch_id}/retry")
def retry(visit: Changer, batch_id: str) -> Response:
    """Order its failed jobs once more, as a batch of its own; twice is once."""
    with audit.recorded(visit.actor, "batch.retry", batch_id) as detail:
        new, _ = batches.retry(_owner(batch_id), ids.parse(batch_id), f"console-retry-{batch_id}")
        detail["batch"] = new.id.hex
    return rendering.redirect(f"{LIST}/{new.id.hex}", "This is the new batch, of the jobs that failed.")


@router.post("/batches/{batch_id}/{verb}")
def steer(visit: Changer, fields: Posted, batch_id: str, verb: Verb) -> Response:
    """Pause, resume or cancel a batch in its owner's place."""
    done, said = _VERBS[verb]
    where = f"{LIST}/{batch_id}"
    if verb == "cancel" and not fields.is_confirmed:
        sentence = "None of its jobs begins any more, those that run are stopped. What is done is kept."
        return rendering.confirm(
            visit, fields, title="Cancel this batch?", sentence=sentence, button="Cancel it", back=where
        )
    with audit.recorded(visit.actor, f"batch.{verb}", batch_id):
        done(_owner(batch_id), ids.parse(batch_id))
    return rendering.redirect(where, said)


def _owner(batch_id: str) -> Caller:
    with transaction() as session:
        batch, _, _ = figures.one(session, ids.parse(batch_id))
        return accounts.owner(session, batch.account_id, batch.key_id)
