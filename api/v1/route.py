"""Tells who would render a job, and why, without ordering it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.caller import Reader
from api.v1 import presenter
from jobs import dispatch, settings
from jobs.errors import NotFound
from jobs.rules import limits, pricing
from jobs.rules.appraisal import Option
from jobs.rules.catalog import MODELS, OUTPUT_MAX_SECONDS
from jobs.rules.routing import WISHES

router = APIRouter(prefix="/v1/route", tags=["Jobs"])

_FIRST = next(iter(MODELS))


class Considered(BaseModel):
    """One engine, as it looks to this job."""

    engine: str
    reason: str = Field(description="How it stands, in a sentence.")
    is_ready: bool = Field(description="Whether a job could begin there without anything being mended first.")
    wait_seconds: float | None = Field(description="How long until it would begin; null where nobody knows.")
    run_seconds: float | None = Field(description="How long it would take then.")
    price_usd: float = Field(description="What it would cost the account there.")


class RouteShown(BaseModel):
    """The choice, and every engine that was considered for it."""

    engine: str
    reason: str
    price_usd: float
    considered: list[Considered]


@router.get(
    "", summary="Explain who would render a job", response_model=RouteShown, responses=presenter.documented(400, 404)
)
def route(
    caller: Reader,
    model: Annotated[str, Query(max_length=200, description="A model, as for a submit.")] = _FIRST,
    engine: Annotated[
        str, Query(max_length=200, description=f"What would be asked for: {', '.join(WISHES)}.")
    ] = "auto",
    resolution: Annotated[Literal["480p", "720p"], Query()] = "480p",
    duration_seconds: Annotated[
        float | None, Query(gt=0, le=OUTPUT_MAX_SECONDS, description="How long the video would be, if it is known.")
    ] = None,
) -> Response:
    """Choose as for a job ordered at this moment, by how the engines stand; a second later it may be another."""
    known = MODELS.get(model)
    if known is None:
        raise NotFound(f"There is no model {model}; there are {', '.join(MODELS)}.", field="model")
    tracks = {} if duration_seconds is None else dict.fromkeys(known.voices, duration_seconds)
    price_usd = pricing.price_usd(known, {"resolution": resolution}, tracks, settings.load().minimum_seconds)
    found = dispatch.explain(caller.terms, engine, price_usd, duration_seconds)
    limits.check_allowed(caller.terms, known.id, found.engine)
    considered = [_shown(option, float(price_usd)) for option in found.considered]
    [chosen] = [option for option in considered if option.engine == found.engine]
    return presenter.respond(
        RouteShown(engine=found.engine, reason=found.reason, price_usd=chosen.price_usd, considered=considered)
    )


def _shown(option: Option, price_usd: float) -> Considered:
    return Considered(
        engine=option.engine,
        reason=option.sentence,
        is_ready=option.is_ready,
        wait_seconds=option.wait_seconds,
        run_seconds=option.run_seconds,
        price_usd=0.0 if option.engine == "preview" else price_usd,
    )
