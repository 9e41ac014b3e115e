"""Where an unfinished job stands: its place in the queue, when it will begin and end, and why it waits."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Float, func, select
from sqlalchemy.orm import Session

from jobs import dispatch, presence
from jobs.database import transaction
from jobs.rules import durations, estimates
from jobs.rules.appraisal import Trouble
from jobs.rules.batches import PAUSED_UNTIL
from jobs.rules.estimates import Pace, Queue
from jobs.rules.states import State
from jobs.tables import Event, Job

_MEASURED = 50
_COUNTED_MAX = 10_000


@dataclass(frozen=True)
class Outlook:
    """What can be said about a job's future; None where nothing has been measured or it does not apply."""

    queue_position: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    why_waiting: str = ""


def of(job: Job) -> Outlook:
    """The outlook of `job` as its row stands."""
    status = State(job.status)
    if status is State.WAITING:
        return _of_waiting(job)
    return _of_running(job) if status is State.RUNNING else Outlook()


def measured_pace(session: Session, engine: str, resolution: str | None) -> Pace | None:
    """How fast the engine's latest jobs of one resolution were rendered; None where there was none."""
    spent = func.extract("epoch", Job.finished_at - Job.started_at).cast(Float)
    latest = (
        select(spent.label("spent"), Job.output["seconds"].as_float().label("video"))
        .where(Job.status == State.COMPLETED, Job.engine == engine)
        .where(Job.inputs["resolution"].as_string().is_not_distinct_from(resolution))
        .order_by(Job.finished_at.desc())
        .limit(_MEASURED)
        .subquery()
    )
    median = func.percentile_cont(0.5).within_group
    row = session.execute(
        select(median(latest.c.spent), median(latest.c.spent / func.greatest(latest.c.video, 0.04)))
    ).one()
    return None if row[0] is None else Pace(run_seconds=row[0], realtime_factor=row[1])


def _of_waiting(job: Job) -> Outlook:
    if job.due_at == PAUSED_UNTIL:
        return Outlook(why_waiting="Its batch is paused, or being cancelled.")
    slots, busy = presence.slots(job.engine)
    with transaction() as session:
        now = session.execute(select(func.now())).scalar_one()
        queue = Queue(_ahead(session, job), slots, busy)
        pace = _pace(session, job)
        reason = _last_reason(session, job)
        option = dispatch.look(session, job.engine)
    due_in = (job.due_at - now).total_seconds()
    starts_in = estimates.starts_in_seconds(queue, pace, due_in) if pace else None
    starts_at = None if starts_in is None else now + timedelta(seconds=starts_in)
    ends_at = starts_at and pace and starts_at + timedelta(seconds=estimates.run_seconds(pace, _video_seconds(job)))
    why = estimates.why_waiting(job.engine, queue, due_in, reason)
    if due_in <= 0 and option.trouble not in (Trouble.NONE, Trouble.DESERTED):
        why = f"It waits, because {option.sentence}."
    return Outlook(queue.ahead + 1, starts_at, ends_at or None, why)


def _of_running(job: Job) -> Outlook:
    with transaction() as session:
        now = session.execute(select(func.now())).scalar_one()
        pace = _pace(session, job)
    expected = estimates.run_seconds(pace, _video_seconds(job)) if pace else None
    elapsed = (now - (job.started_at or now)).total_seconds()
    remaining = estimates.remaining_seconds(elapsed, job.progress, expected)
    return Outlook(ends_at=None if remaining is None else now + timedelta(seconds=remaining))


def _ahead(session: Session, job: Job) -> int:
    """How many due jobs of the engine are claimed before this one; counted no further than anybody reads."""
    goes_first = (Job.priority > job.priority) | ((Job.priority == job.priority) & (Job.id < job.id))
    ahead = (
        select(Job.id)
        .where(Job.status == State.WAITING, Job.engine == job.engine, Job.due_at <= func.now(), goes_first)
        .limit(_COUNTED_MAX)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(ahead)).scalar_one()


def _pace(session: Session, job: Job) -> Pace | None:
    return measured_pace(session, job.engine, job.inputs.get("resolution"))


def _last_reason(session: Session, job: Job) -> str:
    """Why the last attempt ended, if there was one."""
    if job.fence == 0:
        return ""
    detail = session.execute(
        select(Event.detail).where(Event.job_id == job.id).order_by(Event.id.desc()).limit(1)
    ).scalar_one_or_none()
    return str((detail or {}).get("reason", ""))


def _video_seconds(job: Job) -> float | None:
    """How long the video will be; known once intake is through."""
    tracks = {name: facts["seconds"] for name, facts in (job.media or {}).items() if facts.get("kind") == "audio"}
    return durations.output_seconds(job.inputs.get("order", "meanwhile"), tracks) if tracks else None
