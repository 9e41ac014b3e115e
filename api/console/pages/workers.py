"""Workers with what they hold and when they were last heard of, engines that can be paused, and the chores."""

from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import Posted
from api.console.figures import staff
from api.console.visits import Changer, Reader
from jobs import audit, health, levels, presence, settings
from jobs.database import transaction
from jobs.errors import NotFound
from jobs.rules.appraisal import ENGINES

router = APIRouter()

HERE: Final = f"{PREFIX}/workers"


@router.get("/workers")
def show(visit: Reader) -> Response:
    """Show who works and who does not."""
    workers = presence.workers()
    with transaction() as session:
        facts: dict[str, Any] = {
            "held": staff.held(session),
            "rows": staff.engines(session),
            "chores": staff.chores(session),
        }
    found = levels.current()
    engines = [name for name in ENGINES if name in settings.load().engines or name in facts["rows"]]
    return rendering.page(visit, "workers.html", workers=workers, engines=engines, levels=found, **facts)


@router.post("/engines/{name}/pause")
def pause(visit: Changer, fields: Posted, name: str) -> Response:
    """Let nothing new begin on an engine."""
    because = fields.text("because", "The reason", max_letters=200)
    with audit.recorded(visit.actor, "engine.pause", _known(name), because=because), transaction() as session:
        health.pause(session, name, because)
    return _back(f"Nothing new begins on {name}; what runs goes on.")


@router.post("/engines/{name}/resume")
def resume(visit: Changer, name: str) -> Response:
    """Let work begin on an engine again."""
    with audit.recorded(visit.actor, "engine.resume", _known(name)), transaction() as session:
        health.resume(session, name)
    return _back(f"{name} goes on.")


def _back(said: str) -> Response:
    levels.forget()
    return rendering.redirect(HERE, said)


def _known(name: str) -> str:
    if name not in ENGINES:
        raise NotFound(f"There is no engine {name[:40]}.")
    return name
