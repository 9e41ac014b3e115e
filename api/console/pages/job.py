"""One job: what happened, its media played in the page, and what can be done about it."""

import uuid
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.console import rendering, visits
from api.console.address import PREFIX
from api.console.fields import Posted
from api.console.figures import job as figures
from api.console.figures.job import Archived
from api.console.visits import Changer, Reader
from api.v1.events import EventStream
from api.watching import hub_of
from jobs import accounts, audit, ids, lifecycle, outlook, submission, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import NotFound
from jobs.rules.states import State
from jobs.tables import Delivery, Job

router = APIRouter()

LIST: Final = f"{PREFIX}/jobs"


@router.get("/jobs/{job_id}")
def show(visit: Reader, job_id: str) -> Response:
    """Show everything about one job, or what the archive has of it."""
    with transaction() as session:
        story = figures.story(session, ids.parse(job_id))
    if isinstance(story, Archived):
        return rendering.page(visit, "archived.html", story=story)
    status = State(story.job.status)
    ahead = None if status.is_final else outlook.of(story.job)
    return rendering.page(visit, "job.html", story=story, job=story.job, outlook=ahead, is_final=status.is_final)


@router.get("/jobs/{job_id}/live")
def live(visit: Reader, request: Request, job_id: str, after: int = 0) -> Response:
    """Tell what happens to a job as it happens, after the event `after`, to whoever stays signed in."""
    with transaction() as session:
        job = _job(session, job_id)
    if State(job.status).is_final and after:
        return Response(status_code=204)  # browsers come back after every end but this
    return EventStream(hub_of(request), job.id, max(after, 0), visits.while_signed_in(visit))


@router.post("/jobs/{job_id}/cancel")
def cancel(visit: Changer, job_id: str) -> Response:
    """Stop a job in its owner's place."""
    with audit.recorded(visit.actor, "job.cancel", job_id):
        owner, found = _owner(job_id)
        job = lifecycle.cancel(owner, found)
    is_done = job.status == State.CANCELLED
    return rendering.redirect(f"{LIST}/{job_id}", "It is cancelled." if is_done else "Its worker is told to stop.")


@router.post("/jobs/{job_id}/rerun")
def rerun(visit: Changer, fields: Posted, job_id: str) -> Response:
    """Order a finished job once more, in its owner's place and at its cost."""
    if not fields.is_confirmed:
        sentence = "The same order as a new job of the same account, which pays for it; links are fetched anew."
        where = f"{LIST}/{job_id}"
        return rendering.confirm(
            visit, fields, title="Run it again?", sentence=sentence, button="Run again", back=where
        )
    once = f"console-{fields.drawn().hex}"
    with audit.recorded(visit.actor, "job.rerun", job_id) as detail:
        owner, found = _owner(job_id)
        new, _ = submission.rerun(owner, found, once)
        detail["job"] = new.id.hex
    return rendering.redirect(f"{LIST}/{new.id.hex}", "This is the new job.")


@router.post("/deliveries/{delivery_id}/resend")
def resend(visit: Changer, fields: Posted, delivery_id: str) -> Response:
    """Post a delivery once more."""
    with audit.recorded(visit.actor, "delivery.resend", delivery_id):
        owner, found = _receiver_of(ids.parse(delivery_id))
        webhooks.resend(owner, found)
    return rendering.redirect(rendering.local(fields.secret("back")), "It is posted again at once.")


def _job(session: Session, job_id: str) -> Job:
    parsed = ids.parse(job_id)
    found = session.get(Job, parsed) if parsed else None
    if found is None:
        raise NotFound("There is no such job, or it is kept no longer.")
    return found


def _owner(job_id: str) -> tuple[Caller, uuid.UUID]:
    with transaction() as session:
        job = _job(session, job_id)
        return accounts.owner(session, job.account_id, job.key_id), job.id


def _receiver_of(delivery_id: uuid.UUID | None) -> tuple[Caller, uuid.UUID]:
    with transaction() as session:
        found = session.get(Delivery, delivery_id) if delivery_id else None
        if found is None:
            raise NotFound("There is no such delivery, or it is kept no longer.")
        return accounts.owner(session, found.account_id, found.id), found.id
