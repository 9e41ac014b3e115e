"""Says whether this process lives, and whether jobs can be taken."""

import math
import threading
import time
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from jobs import schema
from jobs.errors import Unavailable, WrongSetting

_REMEMBERED_SECONDS: Final = 2.0


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """`missing` holds a sentence for each thing that keeps us from taking jobs."""

    status: Literal["ready", "not ready"]
    missing: list[str]


def router() -> APIRouter:
    """A fresh pair of routes, with their own memory."""
    routes, probe = APIRouter(tags=["Health"]), _Probe()

    @routes.head("/health", include_in_schema=False)
    @routes.get("/health", summary="Is this process alive?")
    async def health() -> Health:  # in the loop: while every thread waits for somebody this process still lives
        return Health()

    @routes.head("/ready", include_in_schema=False)
    @routes.get("/ready", summary="Can jobs be taken?", response_model=Readiness, responses={503: {"model": Readiness}})
    def ready() -> Response:
        missing = probe.missing()
        said = Readiness(status="not ready" if missing else "ready", missing=missing)
        return Response(said.model_dump_json(), 503 if missing else 200, media_type="application/json")

    return routes


class _Probe:
    """Remembers what it found for a moment, so that probes cost the database next to nothing."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._looked_at = -math.inf
        self._found: list[str] = []

    def missing(self) -> list[str]:
        with self._turn:
            if time.monotonic() - self._looked_at >= _REMEMBERED_SECONDS:
                self._found = _look()
                self._looked_at = time.monotonic()
            return self._found


def _look() -> list[str]:
    try:
        is_current = schema.is_current()
    except Unavailable:
        return ["The database cannot be reached."]
    except WrongSetting as error:
        return [str(error)]
    return (
        []
        if is_current
        else ["The database lacks migrations: run `duologue up`, or the migrate step of your deployment."]
    )
