"""The choice of colours, which is each browser's own."""

from fastapi import APIRouter
from starlette.responses import Response

from api.console import cookies, rendering
from api.console.fields import Posted
from api.console.rendering import THEMES
from api.console.visits import AnybodysForm

router = APIRouter()


@router.post("/theme")
def choose_theme(_: AnybodysForm, fields: Posted) -> Response:
    """Remember which colours this browser wants."""
    response = rendering.redirect(rendering.local(fields.secret("back")))
    cookies.write(response, "theme", fields.choice("theme", "The theme", THEMES))
    return response
