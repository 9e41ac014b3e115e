"""The address people type, and the choice of colours."""

from fastapi import APIRouter
from starlette.responses import Response

from api.console import cookies, rendering
from api.console.address import PREFIX
from api.console.fields import Posted
from api.console.rendering import THEMES
from api.console.visits import AnybodysForm, Reader

router = APIRouter()


@router.get("")
def front(_: Reader) -> Response:
    """Lead to the first page there is to see."""
    return rendering.redirect(f"{PREFIX}/audit")


@router.post("/theme")
def choose_theme(_: AnybodysForm, fields: Posted) -> Response:
    """Remember which colours this browser wants."""
    response = rendering.redirect(rendering.local(fields.secret("back")))
    cookies.write(response, "theme", fields.choice("theme", "The theme", THEMES))
    return response
