"""Our keys at the upstream: how they stand, and what the cloud has cost of what it may."""

from fastapi import APIRouter
from sqlalchemy import select
from starlette.responses import Response

from api.console import rendering
from api.console.visits import Reader
from jobs import settings, upstream
from jobs.database import transaction
from jobs.tables import Engine

router = APIRouter()


@router.get("/upstream")
def keys(visit: Reader) -> Response:
    """Show each key's tier, what runs there for it, and until when it rests."""
    chosen = settings.load()
    configured = upstream.configured() if chosen.wavespeed_api_keys.get_secret_value() else ()
    with transaction() as session:
        standings = upstream.standings(session, configured) if configured else []
        cloud = session.scalars(select(Engine).where(Engine.name == "cloud")).one_or_none()
    budget_usd = chosen.cloud_budget_usd or None
    return rendering.page(visit, "upstream.html", standings=standings, cloud=cloud, budget_usd=budget_usd)
