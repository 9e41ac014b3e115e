"""How fast each engine has rendered lately; found in a few milliseconds however many jobs are finished."""

from collections.abc import Collection

from sqlalchemy import Float, func, select
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.lately import Lately
from jobs.rules.estimates import Pace
from jobs.rules.states import State
from jobs.tables import Job

_MEASURED = 50
_LOOKED_AT = 2_000
_EIGHT_OF_TEN = (0.1, 0.9)

Kind = tuple[str, str | None]
"""An engine and a resolution."""

_known: Lately[Kind, Pace | None] = Lately(5.0)


def measured(session: Session, engine: str, resolution: str | None) -> Pace | None:
    """How fast the engine's last jobs of one resolution were rendered; None where none of its newest was of it."""
    return _known.find((engine, resolution), lambda: _measure(session, engine, resolution))


def measured_all(kinds: Collection[Kind]) -> dict[Kind, Pace | None]:
    """The same of several; nothing while Postgres does not answer in time: no order fails for want of a time."""
    try:
        with transaction() as session:
            return {kind: measured(session, *kind) for kind in kinds}
    except Unavailable:
        return {}


def _measure(session: Session, engine: str, resolution: str | None) -> Pace | None:
    spent = func.extract("epoch", Job.finished_at - Job.started_at).cast(Float)
    # An index has the engine's jobs by their end, but not by resolution: without the first limit a resolution that was
    # never rendered would have every finished job read.
    newest = (
        select(
            Job.finished_at,
            spent.label("spent"),
            Job.output["seconds"].as_float().label("video"),
            Job.inputs["resolution"].as_string().label("resolution"),
        )
        .where(Job.status == State.COMPLETED, Job.engine == engine)
        .order_by(Job.finished_at.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    latest = (
        select(newest.c.spent, newest.c.video)
        .where(newest.c.resolution.is_not_distinct_from(resolution))
        .order_by(newest.c.finished_at.desc())
        .limit(_MEASURED)
        .subquery()
    )
    factor = latest.c.spent / func.greatest(latest.c.video, 0.04)
    median, *ends = (func.percentile_cont(part).within_group for part in (0.5, *_EIGHT_OF_TEN))
    row = session.execute(select(median(latest.c.spent), median(factor), *(end(factor) for end in ends))).one()
    if row[0] is None:
        return None
    least, most = (float(end) / row[1] if row[1] else 1.0 for end in row[2:])
    return Pace(run_seconds=row[0], realtime_factor=row[1], least=least, most=most)
