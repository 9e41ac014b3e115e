"""The jobs of all accounts: filtered, searched, and one word over all that match."""

import time
import uuid
from contextlib import suppress
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import DRAWN, Cursor, Posted
from api.console.pages import filters
from api.console.pages.filters import Wanted
from api.console.visits import Changer, Reader, Visit
from jobs import audit, errands, ids, picking
from jobs.database import transaction
from jobs.errands import COUNTED_MAX, Verb
from jobs.errors import Conflict, Unavailable, WrongInput
from jobs.rules.appraisal import ENGINES
from jobs.rules.catalog import MODELS
from jobs.rules.states import State

router = APIRouter()

LIST: Final = f"{PREFIX}/jobs"
PAGE: Final = 50
AT_ONCE_SECONDS: Final = 2.0
"""So long the door itself carries an errand on; a chore does the rest."""
_VERBS: Final[dict[Verb, tuple[str, str, str]]] = {
    "cancel": ("Cancel", "cancelled", "Those that wait are cancelled at once, those that run when they are dead."),
    "rerun": ("Run again", "run again", "Each finished one is ordered once more, as a new job that costs its price."),
    "resend": ("Tell again", "told again", "Everything their receivers were to be told of their ends is posted anew."),
}
"""What each is called on its button, what becomes of the jobs, and what that means."""


@router.get("/jobs")
def page(visit: Reader, wanted: Wanted, before: Cursor = "") -> Response:
    """List jobs, newest first."""
    pick = filters.pick(wanted)
    with transaction() as session:
        found = picking.page(session, pick, before=ids.parse(before), limit=PAGE)
    choices: dict[str, Any] = {
        "states": [("", "any"), *((state.value, state.value) for state in State), (filters.UNFINISHED, "unfinished")],
        "engines": [("", "any"), *((engine, engine) for engine in ENGINES)],
        "models": [("", "any"), *((model, model.removeprefix("wavespeed-ai/")) for model in MODELS)],
    }
    facts: dict[str, Any] = {"found": found, "wanted": wanted, "verbs": _VERBS, "looked_at_max": picking.LOOKED_AT_MAX}
    return rendering.page(visit, "jobs.html", **facts, **choices)


@router.post("/jobs/all")
def all_that_match(visit: Changer, fields: Posted) -> Response:
    """Say one word over all jobs that match: first how many that are, then it is done."""
    verb: Verb = fields.choice("verb", "The verb", tuple(_VERBS))
    wanted = filters.of_form(fields)
    if not fields.is_confirmed:
        return _ask(visit, verb, wanted)
    counted = fields.count("counted", "The number")
    if counted is None:
        raise WrongInput("The number of jobs is missing; go back and begin anew.", field="counted")
    return _begin(visit, verb, wanted, min(counted, COUNTED_MAX), fields.drawn())


@router.get("/errands")
def all_errands(visit: Reader) -> Response:
    """Show what was done to many jobs at once."""
    with transaction() as session:
        found = errands.latest(session, 50)
    return rendering.page(visit, "errands.html", errands=found, verbs=_VERBS)


@router.get("/errands/{errand_id}")
def show_errand(visit: Reader, errand_id: str) -> Response:
    """Show how far an errand is."""
    with transaction() as session:
        found = errands.errand(session, ids.parse(errand_id))
    return rendering.page(visit, "errand.html", errand=found, verbs=_VERBS)


@router.post("/errands/{errand_id}/stop")
def stop_errand(visit: Changer, errand_id: str) -> Response:
    """Have an errand go no further."""
    with audit.recorded(visit.actor, "jobs.stop", errand_id), transaction() as session:
        errands.stop(session, ids.parse(errand_id))
    return rendering.redirect(f"{PREFIX}/errands/{errand_id}", "It goes no further; what is done stays done.")


def _ask(visit: Visit, verb: Verb, wanted: dict[str, str]) -> Response:
    with transaction() as session:
        counted = errands.matching(session, filters.pick(wanted))
    if not counted:
        raise Conflict("No job matches; there is nothing to do.")
    button, _, meaning = _VERBS[verb]
    number = f"{counted:,} {'job' if counted == 1 else 'jobs'}"
    limit = f" There may be more: at most {COUNTED_MAX:,} at once, the newest first." if counted >= COUNTED_MAX else ""
    sentence = f"{number} of now match: {filters.said(wanted)}. {meaning}{limit}"
    again = [*wanted.items(), ("verb", verb), ("counted", str(counted)), (DRAWN, ids.new_id().hex)]
    facts: dict[str, Any] = {
        "title": f"{button} {number}?",
        "sentence": sentence,
        "button": f"{button} {number}",
        "again": again,
    }
    back = filters.address(LIST, wanted)
    return rendering.page(visit, "confirm.html", action=f"{LIST}/all", back=back, **facts)


def _begin(visit: Visit, verb: Verb, wanted: dict[str, str], counted: int, before: uuid.UUID) -> Response:
    """Take it, once however often the form is sent; from then on it is done whatever becomes of this door."""
    pick = filters.pick(wanted)
    with audit.recorded(visit.actor, f"jobs.{verb}", filters.said(wanted)[:200], jobs=counted) as detail:
        with transaction() as session:
            errand = errands.take(session, verb, pick, visit.known.name, counted=counted, before=before)
        detail["errand"] = errand.id.hex
        until = time.monotonic() + AT_ONCE_SECONDS
        with suppress(Unavailable):
            errands.carry_on(errand.id, lambda: time.monotonic() < until)
    return rendering.redirect(f"{PREFIX}/errands/{errand.id.hex}")
