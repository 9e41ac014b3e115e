"""What jobs brought in and what they cost us: for operators; reads only."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from jobs.rules import costs
from jobs.rules.states import State
from jobs.tables import ArchivedJob, Job, UpstreamTry


class EngineMargin(NamedTuple):
    """The finished jobs of one engine, in USD."""

    engine: str
    jobs: int
    completed: int
    price_usd: Decimal
    cost_usd: Decimal
    video_seconds: float

    @property
    def margin_usd(self) -> Decimal:
        return costs.margin_usd(self.price_usd, self.cost_usd)


@dataclass(frozen=True)
class JobMargin:
    """One job with every try at the upstream, oldest first."""

    id: uuid.UUID
    engine: str
    status: str
    price_usd: Decimal
    cost_usd: Decimal
    tries: list[UpstreamTry]

    @property
    def margin_usd(self) -> Decimal:
        return costs.margin_usd(self.price_usd, self.cost_usd)


def by_engine(session: Session, since: datetime) -> list[EngineMargin]:
    """What was finished since then, hot or archived."""
    video_seconds = Job.output["seconds"].as_float().label("video_seconds")
    hot = select(Job.engine, Job.status, Job.price_usd, Job.cost_usd, video_seconds).where(Job.finished_at >= since)
    archived = select(
        ArchivedJob.engine, ArchivedJob.status, ArchivedJob.price_usd, ArchivedJob.cost_usd, ArchivedJob.video_seconds
    ).where(ArchivedJob.finished_at >= since)
    found = union_all(hot, archived).subquery()
    columns = found.c
    summed = select(
        columns.engine,
        func.count(),
        func.count().filter(columns.status == literal(State.COMPLETED.value)),
        func.coalesce(func.sum(columns.price_usd), 0),
        func.coalesce(func.sum(columns.cost_usd), 0),
        func.coalesce(func.sum(columns.video_seconds), 0.0),
    ).group_by(columns.engine)
    return [EngineMargin(*row) for row in session.execute(summed.order_by(columns.engine))]


def of_job(session: Session, job_id: uuid.UUID) -> JobMargin | None:
    """None when there is no such job, hot or archived."""
    for table in (Job, ArchivedJob):
        found = select(table.engine, table.status, table.price_usd, table.cost_usd).where(table.id == job_id)
        row = session.execute(found).one_or_none()
        if row is not None:
            engine, status, price_usd, cost_usd = row
            return JobMargin(job_id, engine, status, price_usd, cost_usd, tries_of(session, job_id))
    return None


def tries_of(session: Session, job_id: uuid.UUID) -> list[UpstreamTry]:
    """Every try of a job at the upstream, oldest first."""
    return list(session.scalars(select(UpstreamTry).where(UpstreamTry.job_id == job_id).order_by(UpstreamTry.id)))


def unproven(session: Session, most: int = 100) -> list[UpstreamTry]:
    """The tries that may have been charged without anything to show for it, newest first."""
    found = select(UpstreamTry).where(UpstreamTry.outcome == "unproven").order_by(UpstreamTry.id.desc())
    return list(session.scalars(found.limit(most)))
