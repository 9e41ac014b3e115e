"""The audit log: who changed what, when and from where."""

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.fields import Cursor, Filter, row_before
from api.console.visits import Reader
from jobs import audit
from jobs.database import transaction

router = APIRouter()

PAGE = 50


@router.get("/audit")
def log(
    visit: Reader, operator: Filter = "", action: Filter = "", subject: Filter = "", before: Cursor = ""
) -> Response:
    """Show what was changed, newest first."""
    with transaction() as session:
        found = audit.entries(
            session,
            operator=operator or None,
            action=action or None,
            subject=subject or None,
            before_id=row_before(before),
            limit=PAGE + 1,
        )
    wanted = {"operator": operator, "action": action, "subject": subject}
    return rendering.page(visit, "audit.html", entries=found[:PAGE], has_more=len(found) > PAGE, wanted=wanted)
