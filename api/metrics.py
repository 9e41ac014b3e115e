"""Every metric, for whoever comes with a key; `api.metrics_port` tells the same to whoever may reach that port."""

from typing import Annotated

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from api.caller import Watcher
from api.tallies import Tallies
from api.v1 import presenter
from jobs import figures

router = APIRouter(tags=["Operations"])


@router.get(
    "/metrics",
    summary="Read every metric",
    response_class=Response,
    responses=presenter.documented()
    | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format."}},
)
def metrics(request: Request, _: Watcher, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """Every number that docs/metrics.md explains, of all accounts together; a few seconds old at most."""
    page, content_type = written(request.app.state.clock.tallies, accept)
    return Response(page, headers={"Content-Type": content_type})


def written(tallies: Tallies | None, accept: str) -> tuple[bytes, str]:
    """The page of metrics as it is now, and its content type."""
    from jobs.telemetry import exposition  # late: a door whose metrics nobody reads does without the library

    return exposition.write(figures.gather(tallies.spreads() if tallies else {}), accept)
