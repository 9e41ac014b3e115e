"""Whether engines may be given work: their circuit breakers and pauses, learnt inside the transaction that ends a try.

Whoever calls this locks an engine's row last: jobs and tallies come before. While all is well nothing is written.
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import Date, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import events, settings
from jobs.database import after_commit
from jobs.rules import breaker
from jobs.rules.breaker import Breaker, Phase
from jobs.rules.states import State
from jobs.tables import Engine, Job


def record_success(session: Session, engine: str) -> None:
    """The engine has rendered a job: whatever was held against it is forgotten."""
    unwell = (func.cardinality(Engine.failing_jobs) > 0) | Engine.open_until.is_not(None)
    with session.no_autoflush:
        found = session.execute(select(Engine.open_until).where(Engine.name == engine, unwell)).one_or_none()
    if found is None:
        return
    session.execute(
        update(Engine)
        .where(Engine.name == engine)
        .values(failing_jobs=[], trips=0, open_until=None, because="", probe_job_id=None)
    )
    if found.open_until is not None:
        after_commit(session, lambda: events.emit("engine.recovered", engine=engine))


def record_failure(
    session: Session, engine: str, job_id: uuid.UUID, error_class: str, *, permanent: bool = False, profile: int = 0
) -> None:
    """An attempt of the job on the engine came to nothing; what was not the engine's fault changes nothing."""
    if not breaker.blames(engine, error_class, permanent=permanent, profile=profile):
        return
    row = _locked(session, engine)
    before = Breaker(tuple(row.failing_jobs), row.trips, row.open_until)
    after = breaker.after_failure(before, job_id, session.scalars(_NOW).one())
    row.failing_jobs, row.trips, row.open_until = list(after.failing), after.trips, after.open_until
    if after.trips > before.trips:
        row.because = f"its last {len(after.failing)} jobs failed, the latest with {error_class}"
        facts = {"engine": engine, "reason": row.because, "pause_seconds": breaker.pause_seconds(after.trips)}
        after_commit(session, lambda: events.emit("engine.shut", **facts))


def admit(session: Session, engine: str, job_ids: Sequence[uuid.UUID]) -> int:
    """How many of these jobs, from the first on, may begin on the engine now; the rest waits.

    None while it is paused, shut or full, or has cost what it may this month; a single one while it is tried again.
    Whoever asks lets them begin in this same transaction.
    """
    with session.no_autoflush:
        row = session.scalars(select(Engine).where(Engine.name == engine)).one_or_none()
    if row is None:
        return len(job_ids)
    if row.paused_at is not None or is_over_budget(session, engine):
        return 0
    if row.running_max is not None:
        job_ids = job_ids[: _places(session, engine, job_ids)]
    if row.open_until is None:
        return len(job_ids)
    return _admit_one(session, engine, job_ids) if job_ids else 0


def limit(session: Session, engine: str, running_max: int | None) -> None:
    """Let no more jobs than this be under way on the engine at once, more wait; None is no limit."""
    _locked(session, engine).running_max = running_max


def pause(session: Session, engine: str, because: str) -> None:
    """Let nothing new begin on the engine until it is resumed; `because` is a sentence for whoever waits."""
    row = _locked(session, engine)
    row.paused_at, row.paused_because = row.paused_at or session.scalars(_NOW).one(), because


def resume(session: Session, engine: str) -> None:
    """Let work begin on it again; what its breaker holds against it is forgotten too, for somebody has looked."""
    row = _locked(session, engine)
    row.paused_at, row.paused_because = None, ""
    row.failing_jobs, row.trips, row.open_until, row.because, row.probe_job_id = [], 0, None, "", None


def count_spending(session: Session) -> bool:
    """Count anew what the cloud has cost us this month; whether that has changed. What is there now counts too."""
    _locked(session, "cloud")
    return session.execute(_COUNT).one_or_none() is not None


def is_over_budget(session: Session, engine: str) -> bool:
    """Whether the cloud has cost what it may this month; counted anew once a minute, and the GPUs have no budget."""
    budget_usd = settings.load().cloud_budget_usd
    if engine != "cloud" or not budget_usd:
        return False
    this_month = Engine.month == func.date_trunc("month", func.now(), "UTC").cast(Date)
    spent = select(Engine.name).where(Engine.name == engine, this_month, Engine.month_usd >= budget_usd)
    with session.no_autoflush:
        return session.execute(spent).one_or_none() is not None


_NOW = select(func.clock_timestamp())

_COUNT = text("""
    WITH counted AS (
        SELECT coalesce(sum(CASE WHEN ended_at IS NULL THEN expected_usd ELSE cost_usd END), 0) AS month_usd
        FROM upstream_tries WHERE made_at >= date_trunc('month', now(), 'UTC')
    )
    UPDATE engines SET month = date_trunc('month', now(), 'UTC'), month_usd = counted.month_usd FROM counted
    WHERE name = 'cloud' AND (month, engines.month_usd) IS DISTINCT FROM
        (CAST(date_trunc('month', now(), 'UTC') AS date), counted.month_usd)
    RETURNING name
""")


def _locked(session: Session, engine: str) -> Engine:
    """The engine's row, made if it is new, until the transaction ends."""
    own = select(Engine).where(Engine.name == engine).with_for_update().execution_options(populate_existing=True)
    session.flush()
    row = session.scalars(own).one_or_none()
    if row is None:
        session.execute(insert(Engine).values(name=engine).on_conflict_do_nothing())
        row = session.scalars(own).one()
    return row


def _places(session: Session, engine: str, job_ids: Sequence[uuid.UUID]) -> int:
    """How many more jobs the engine's limit leaves room for, these not counted; for the cloud, at the upstream."""
    most = _locked(session, engine).running_max
    state = State.FORWARDED if engine == "cloud" else State.RUNNING
    others = select(func.count()).where(Job.status == state, Job.engine == engine, Job.id.not_in(job_ids))
    return len(job_ids) if most is None else max(most - session.scalars(others).one(), 0)


def _admit_one(session: Session, engine: str, job_ids: Sequence[uuid.UUID]) -> int:
    """Let the first through once the engine is tried again, if the last one that was let through is not at work."""
    row = _locked(session, engine)
    match Breaker(open_until=row.open_until).phase(session.scalars(_NOW).one()):
        case Phase.CLOSED:
            return len(job_ids)
        case Phase.OPEN:
            return 0
    under_way = Job.status.in_([State.RUNNING, State.FORWARDED])
    at_work = select(Job.id).where(Job.id == row.probe_job_id, Job.engine == engine, under_way)
    if row.probe_job_id != job_ids[0] and session.scalars(at_work).one_or_none() is not None:
        return 0
    row.probe_job_id = job_ids[0]
    return 1
