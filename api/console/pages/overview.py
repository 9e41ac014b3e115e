"""The first page: what waits, what runs, how it goes, what it costs, and what is owed."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.figures import overview
from api.console.visits import Reader, Visit
from jobs import levels, settings
from jobs.database import transaction

router = APIRouter()


@router.get("")
def front(visit: Reader) -> Response:
    """Show the whole of it."""
    with transaction() as session:
        hours = overview.hours(session)
        failures = overview.failures(session)
        engines = settings.load().engines
        facts: dict[str, Any] = {
            "hours": hours,
            "failures": failures,
            "engines": engines,
            "costs": overview.costs(session, engines),
            "budgets": overview.budgets(session),
            "done": sum(hour.completed for hour in hours),
            "failed": sum(hour.failed for hour in hours),
        }
    return rendering.page(visit, "overview.html", **facts, **_now(visit))


@router.get("/overview/now")
def now(visit: Reader) -> Response:
    """Show what changes from one moment to the next; the first page asks for it again and again."""
    return rendering.page(visit, "parts/now.html", **_now(visit))


def _now(_: Visit) -> dict[str, Any]:
    found = levels.current()
    with transaction() as session:
        running = overview.running(session)
    queues = [(name, level, found.standings.get(name)) for name, level in found.queues.items()]
    shown = [row for row in queues if row[0] in settings.load().engines or row[1].due or row[1].later]
    return {
        "levels": found,
        "queues": shown,
        "running": running,
        "oldest_seconds": max((level.oldest_due_seconds for _, level, _ in shown), default=0.0),
        "waiting": sum(level.due + level.later for _, level, _ in shown),
        "under_way": sum(level.running + level.forwarded for _, level, _ in shown),
    }
