"""How the house does: hours that were counted ahead, what runs at this moment, and who is near the end of a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Date, cast, func, select, text, union_all
from sqlalchemy.orm import Session

from jobs import settings
from jobs.rules.states import State
from jobs.tables import Account, Engine, FinishedHour, Job, Tally

HOURS: Final = 24
DAYS: Final = 14
_BUDGETS_MAX: Final = 8


class Hour(NamedTuple):
    """One hour of all engines together; paces are of the slowest engine."""

    hour: datetime
    accepted: int
    completed: int
    failed: int
    cancelled: int
    wait_p50_seconds: float | None
    wait_p95_seconds: float | None
    run_p50_seconds: float | None
    run_p95_seconds: float | None


class Failure(NamedTuple):
    """What jobs failed of."""

    error_class: str
    jobs: int
    share: float


@dataclass(frozen=True)
class Budget:
    """What was spent this month of what may be."""

    whose: str
    spent_usd: Decimal
    limit_usd: Decimal

    @property
    def ratio(self) -> float:
        return float(self.spent_usd / self.limit_usd) if self.limit_usd else 1.0


# The hours that have nothing are there too: a chart must not leave them out.
_HOURS: Final = text("""
    SELECT asked.hour, coalesce(accepted, 0), coalesce(completed, 0), coalesce(failed, 0), coalesce(cancelled, 0),
        wait_p50, wait_p95, run_p50, run_p95
    FROM generate_series(date_trunc('hour', now()) - make_interval(hours => :hours - 1), now(), '1 h') AS asked (hour)
    LEFT JOIN (
        SELECT hour, sum(accepted) AS accepted, max(wait_p50_seconds) AS wait_p50, max(wait_p95_seconds) AS wait_p95,
            max(run_p50_seconds) AS run_p50, max(run_p95_seconds) AS run_p95
        FROM engine_hours WHERE hour > now() - make_interval(hours => :hours) GROUP BY hour
    ) AS given ON given.hour = asked.hour
    LEFT JOIN (
        SELECT hour, sum(jobs) FILTER (WHERE status = 'completed') AS completed,
            sum(jobs) FILTER (WHERE status = 'failed') AS failed,
            sum(jobs) FILTER (WHERE status = 'cancelled') AS cancelled
        FROM finished_hours WHERE hour > now() - make_interval(hours => :hours) GROUP BY hour
    ) AS ended ON ended.hour = asked.hour
    ORDER BY asked.hour
""")


def hours(session: Session) -> list[Hour]:
    """The last day hour by hour, this one at the end."""
    return [Hour(*row) for row in session.execute(_HOURS, {"hours": HOURS})]


def failures(session: Session) -> list[Failure]:
    """What failed in the last day, by class, most often first; the share is of all that completed or failed."""
    counted = func.sum(FinishedHour.jobs)
    ended = (
        select(FinishedHour.error_class, counted)
        .where(FinishedHour.hour > func.now() - timedelta(hours=HOURS), FinishedHour.status != State.CANCELLED)
        .group_by(FinishedHour.error_class)
        .order_by(counted.desc())
    )
    rows = session.execute(ended).all()
    total = sum(jobs for _, jobs in rows)
    return [Failure(name, jobs, jobs / total) for name, jobs in rows if name]


def costs(session: Session, engines: Sequence[str]) -> list[tuple[Any, ...]]:
    """What each engine cost on each of the last days, oldest first: the day, then an amount for each of `engines`."""
    day = cast(func.timezone("UTC", FinishedHour.hour), Date).label("day")
    spent = select(day, FinishedHour.engine, func.sum(FinishedHour.cost_usd)).group_by(day, FinishedHour.engine)
    spent = spent.where(FinishedHour.hour > func.now() - timedelta(days=DAYS))
    found: dict[tuple[date, str], Decimal] = {(when, engine): usd for when, engine, usd in session.execute(spent)}
    today: date = session.execute(select(cast(func.timezone("UTC", func.now()), Date))).scalar_one()
    days = [today - timedelta(days=number) for number in reversed(range(DAYS))]
    return [
        (datetime.combine(one, time.min, UTC), *(float(found.get((one, engine), 0)) for engine in engines))
        for one in days
    ]


def running(session: Session, limit: int = 12) -> Sequence[Any]:
    """What is under way, the oldest jobs first; each state by its own small index."""
    states = (State.RUNNING, State.FORWARDED)
    firsts = [select(Job.id).where(Job.status == state).order_by(Job.id).limit(limit).subquery() for state in states]
    under_way = (
        select(
            Job.id,
            Account.name.label("account"),
            Job.engine,
            Job.status,
            Job.stage,
            Job.progress,
            Job.started_at,
        )
        .join(Account, Account.id == Job.account_id)
        .where(Job.id.in_(union_all(*(select(first.c.id) for first in firsts))))
    )
    return session.execute(under_way.order_by(Job.id).limit(limit)).all()


def budgets(session: Session) -> list[Budget]:
    """The budgets of accounts and of the cloud that are nearest to their end."""
    most = func.coalesce(Account.budget_hard_usd, Account.budget_soft_usd)
    this_month = cast(func.date_trunc("month", func.timezone("UTC", func.now())), Date)
    near = (
        select(Account.name, Tally.month_usd, most)
        .join(Tally, Tally.account_id == Account.id)
        .where(most > 0, Tally.month == this_month)
        .order_by((Tally.month_usd / most).desc())
        .limit(_BUDGETS_MAX)
    )
    found = [Budget(*row) for row in session.execute(near)]
    if limit_usd := settings.load().cloud_budget_usd:
        cloud = select(Engine.month_usd).where(Engine.name == "cloud", Engine.month == this_month)
        spent_usd = session.scalars(cloud).one_or_none() or Decimal(0)
        found.insert(0, Budget("the cloud", spent_usd, Decimal(limit_usd)))
    return found
