"""Counts what an account has used, by model and by day, the way WaveSpeed's usage page does."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from api import openapi
from api.caller import Reader
from api.strict_json import RawBody
from api.wavespeed import envelope, lenient
from api.wavespeed.catalog import TYPE
from api.wavespeed.envelope import Reply
from api.wavespeed.moments import Since, Until
from jobs import billing, clock
from jobs.billing import Used
from jobs.errors import WrongInput
from jobs.rules.catalog import MODELS
from jobs.rules.states import State

SPAN_MAX = timedelta(days=366)
SPAN_DEFAULT = timedelta(days=30)

router = APIRouter(prefix="/api/v3/user", tags=["WaveSpeed money"])


class UsageForm(BaseModel):
    """Which time to count; a month ending now unless said otherwise."""

    start_time: Since
    end_time: Until
    model_uuid: str | None = Field(None, max_length=200, description="A model's id.")

    def span(self) -> tuple[datetime, datetime]:
        """Raises WrongInput for one that ends before it begins, or is longer than we count."""
        until = self.end_time or clock.now()
        since = self.start_time or until - SPAN_DEFAULT
        if since > until:
            raise WrongInput("start_time must not be after end_time.", field="start_time")
        if until - since > SPAN_MAX:
            raise WrongInput(f"start_time must be at most {SPAN_MAX.days} days before end_time.", field="start_time")
        return since, until


class UsedModel(BaseModel):
    model_uuid: str
    model_type: str
    unit_price: float = Field(description="USD for five seconds of 480p.")
    total_cost: float = Field(description="USD charged, or held for predictions that go on.")
    total_count: int
    last_used_date: str = Field(description="A day in UTC, like 2026-01-31.")


class ModelOfDay(BaseModel):
    model_uuid: str
    amount: float
    count: int


class UsedDay(BaseModel):
    date: str
    amount: float
    count: int
    models: list[ModelOfDay]


class UsageSummary(BaseModel):
    total_cost: float
    total_requests: int
    success_requests: int = Field(description="Predictions that completed.")


class UsageStats(BaseModel):
    per_model_usage: list[UsedModel]
    daily_usage: list[UsedDay]
    summary: UsageSummary


@router.post(
    "/usage_stats",
    summary="Count what was used",
    response_model=Reply[UsageStats],
    responses=envelope.documented(400, 408, 413),
    openapi_extra=openapi.json_body(lenient.schema(UsageForm)),
)
def usage_stats(caller: Reader, body: RawBody) -> Response:
    """Count predictions by the day they were submitted, in UTC; deleted ones too, days without any left out."""
    form = lenient.read(UsageForm, body)
    rows = billing.usage(caller, *form.span(), form.model_uuid)
    return envelope.reply(
        UsageStats(
            per_model_usage=[_used_model(model, of_model) for model, of_model in _by(rows, lambda row: row.model)],
            daily_usage=[_used_day(day, of_day) for day, of_day in _by(rows, lambda row: f"{row.day}")],
            summary=UsageSummary(
                total_cost=_cost(rows),
                total_requests=_count(rows),
                success_requests=_count(row for row in rows if row.status == State.COMPLETED),
            ),
        )
    )


def _used_model(model: str, rows: list[Used]) -> UsedModel:
    known = MODELS.get(model)
    return UsedModel(
        model_uuid=model,
        model_type=TYPE,
        unit_price=float(known.base_price_usd) if known else 0,  # of a model that is served no more nobody knows it
        total_cost=_cost(rows),
        total_count=_count(rows),
        last_used_date=f"{max(row.day for row in rows)}",
    )


def _used_day(day: str, rows: list[Used]) -> UsedDay:
    models = [
        ModelOfDay(model_uuid=model, amount=_cost(of_model), count=_count(of_model))
        for model, of_model in _by(rows, lambda row: row.model)
    ]
    return UsedDay(date=day, amount=_cost(rows), count=_count(rows), models=models)


def _by(rows: Iterable[Used], word: Callable[[Used], str]) -> Iterator[tuple[str, list[Used]]]:
    return ((found, list(of_it)) for found, of_it in groupby(sorted(rows, key=word), key=word))


def _cost(rows: Iterable[Used]) -> float:
    return float(sum((row.cost_usd for row in rows), Decimal(0)))


def _count(rows: Iterable[Used]) -> int:
    return sum(row.jobs for row in rows)
