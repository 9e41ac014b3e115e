"""Counts what an account's jobs came to and what they cost, by day, model and engine."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.caller import Reader
from api.v1 import presenter
from api.v1.forms import Text
from jobs import billing, clock
from jobs.billing import Used
from jobs.errors import WrongInput
from jobs.rules.states import State

DAYS_MAX = 366
DAYS_DEFAULT = 30

router = APIRouter(prefix="/v1/usage", tags=["Account"])

Day = Annotated[date | None, Query(description="A day in UTC, like 2026-01-31; it is counted too.")]


class Sums(BaseModel):
    """What some jobs came to."""

    jobs: int
    completed: int
    failed: int
    cancelled: int
    unfinished: int
    cost_usd: float = Field(description="Charged for completed jobs, and held for unfinished ones.")
    gpu_seconds: float | None = Field(
        description="How long the engine `gpu` rendered those that completed; null where it had none."
    )


class UsageRow(Sums):
    """The jobs of one day, model and engine."""

    day: date = Field(description="When they were submitted, in UTC.")
    model: str
    engine: str


class Failures(BaseModel):
    error_class: str
    jobs: int


class Total(Sums):
    """All of them; `success_ratio` is null while none has completed or failed."""

    success_ratio: float | None = Field(description="Completed jobs among those that completed or failed.")


class Usage(BaseModel):
    """What was used; days without jobs are left out, and deleted jobs are counted."""

    first_day: date
    last_day: date
    days: list[UsageRow]
    failures: list[Failures] = Field(description="Failed jobs by error class, most first.")
    total: Total


@router.get("", summary="Count what was used", response_model=Usage, responses=presenter.documented(400))
def usage(
    caller: Reader,
    first_day: Day = None,
    last_day: Day = None,
    model: Text = None,
) -> Response:
    """Count the account's jobs by the day they were submitted; the last 30 days unless said otherwise."""
    first, last = _days(first_day, last_day)
    rows = billing.usage(caller, datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC), model)
    days = [
        UsageRow(day=day, model=of_model, engine=engine, **_sums(list(group)))
        for (day, of_model, engine), group in groupby(rows, lambda row: (row.day, row.model, row.engine))
    ]
    total = Total(success_ratio=_success_ratio(rows), **_sums(rows))
    return presenter.respond(Usage(first_day=first, last_day=last, days=days, failures=_failures(rows), total=total))


def _days(first: date | None, last: date | None) -> tuple[date, date]:
    """Raises WrongInput for a time that ends before it begins, or is longer than we count."""
    last = last or clock.now().date()
    first = first or date.fromordinal(max(1, last.toordinal() - DAYS_DEFAULT + 1))
    if first > last:
        raise WrongInput("first_day must not be after last_day.", field="first_day")
    if last - first >= timedelta(days=DAYS_MAX):
        raise WrongInput(f"first_day and last_day may span at most {DAYS_MAX} days.", field="first_day")
    return first, last


def _sums(rows: list[Used]) -> dict[str, Any]:
    """The fields of `Sums`."""
    on_gpu = [row.inference_ms for row in rows if row.engine == "gpu"]
    return {
        "jobs": _count(rows),
        "completed": _count(rows, State.COMPLETED),
        "failed": _count(rows, State.FAILED),
        "cancelled": _count(rows, State.CANCELLED),
        "unfinished": _count(rows, *(state for state in State if not state.is_final)),
        "cost_usd": float(sum((row.cost_usd for row in rows), Decimal(0))),
        "gpu_seconds": sum(on_gpu) / 1000 if on_gpu else None,
    }


def _success_ratio(rows: list[Used]) -> float | None:
    ended = _count(rows, State.COMPLETED, State.FAILED)
    return _count(rows, State.COMPLETED) / ended if ended else None


def _failures(rows: list[Used]) -> list[Failures]:
    counts: Counter[str] = Counter()
    for row in rows:
        if row.status == State.FAILED:
            counts[row.error_class or "internal"] += row.jobs
    return [Failures(error_class=name, jobs=jobs) for name, jobs in counts.most_common()]


def _count(rows: list[Used], *states: State) -> int:
    """How many jobs are in one of these states; with none named, how many there are."""
    return sum(row.jobs for row in rows if not states or row.status in states)
