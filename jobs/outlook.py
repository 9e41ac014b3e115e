"""Where an unfinished job stands: its place in the queue, when it will begin and end, and why it waits."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select, true, tuple_
from sqlalchemy.orm import Session

from jobs import dispatch, paces, presence, settings
from jobs.database import transaction
from jobs.lately import Lately
from jobs.rules import durations, estimates, pricing, turns
from jobs.rules.appraisal import Trouble
from jobs.rules.batches import PAUSED_UNTIL
from jobs.rules.catalog import MODELS, OUTPUT_MAX_SECONDS
from jobs.rules.estimates import Pace, Queue, Span
from jobs.rules.states import State
from jobs.tables import Account, Engine, Event, Job
from jobs.turns import Queue as Line
from jobs.turns import look

_COUNTED_MAX = 10_000
_UNDER_WAY_MAX = 20

_lines: Lately[str, Line] = Lately(2.0)


@dataclass(frozen=True)
class Moment:
    """When something should happen: expected, and between which two moments it should be, eight times of ten."""

    expected: datetime
    earliest: datetime
    latest: datetime


@dataclass(frozen=True)
class Outlook:
    """What can be said about a job's future; None where nothing has been measured or it does not apply."""

    queue_position: int | None = None
    starts: Moment | None = None
    ends: Moment | None = None
    price_usd: tuple[Decimal, Decimal] | None = None
    """At least and at most."""
    why_waiting: str = ""


def of(job: Job) -> Outlook:
    """The outlook of `job` as its row stands."""
    status = State(job.status)
    if status.is_final:
        return Outlook()
    found = _of_waiting(job) if status is State.WAITING else _of_running(job)
    return replace(found, price_usd=_price_usd(job))


def of_batch(batch_id: uuid.UUID) -> Moment | None:
    """When the last of a batch's jobs should end: the last in line, else the last of those under way."""
    of_batch = select(Job).where(Job.batch_id == batch_id)
    waiting = of_batch.where(Job.status == State.WAITING, Job.due_at < PAUSED_UNTIL)
    under_way = of_batch.where(Job.status.in_((State.RUNNING, State.FORWARDED)))
    with transaction() as session:
        last = session.scalars(waiting.order_by(Job.in_line_since.desc(), Job.id.desc()).limit(1)).one_or_none()
        jobs = [last] if last is not None else session.scalars(under_way.limit(_UNDER_WAY_MAX)).all()
    return max((end for job in jobs if (end := of(job).ends)), key=lambda end: end.expected, default=None)


def _of_waiting(job: Job) -> Outlook:
    if job.due_at == PAUSED_UNTIL:
        return Outlook(why_waiting="Its batch is paused, or being cancelled.")
    slots, busy = presence.slots(job.engine)
    with transaction() as session:
        now = session.execute(select(func.now())).scalar_one()
        account = session.execute(select(Account).where(Account.id == job.account_id)).scalar_one()
        if account.paused_at is not None:
            return Outlook(why_waiting=f"Its account is paused: {account.paused_because}.")
        queue = Queue(_ahead(session, job), slots, busy)
        pace = _pace(session, job)
        reason = _last_reason(session, job)
        option = dispatch.look(session, job.engine)
        full = _why_full(session, job, account)
    due_in = (job.due_at - now).total_seconds()
    starts = estimates.start_span(queue, pace, due_in) if pace else None
    ends = starts.then(estimates.run_span(pace, _video_seconds(job))) if starts and pace else None
    why = estimates.why_waiting(job.engine, queue, due_in, reason)
    if due_in <= 0 and option.trouble not in (Trouble.NONE, Trouble.DESERTED):
        why = f"It waits, because {option.sentence}."
    elif due_in <= 0 and full:
        why = full
    return Outlook(queue.ahead + 1, _from(now, starts), _from(now, ends), why_waiting=why)


def _of_running(job: Job) -> Outlook:
    with transaction() as session:
        now = session.execute(select(func.now())).scalar_one()
        pace = _pace(session, job)
    elapsed = (now - (job.started_at or now)).total_seconds()
    expected = estimates.run_seconds(pace, _video_seconds(job)) if pace else None
    remaining = estimates.remaining_seconds(elapsed, job.progress, expected)
    if remaining is None:
        return Outlook()
    if pace is None:
        return Outlook(ends=_from(now, Span(remaining, remaining, remaining)))
    bars = estimates.run_span(pace, _video_seconds(job), elapsed)
    return Outlook(ends=_from(now, Span(remaining, min(remaining, bars.least), max(remaining, bars.most))))


def _ahead(session: Session, job: Job) -> int:
    """How many jobs begin before this one if nobody else comes; counted no further than anybody reads."""
    queue = turns.queue_of(job.engine, is_prepared=job.media is not None)
    goes_first = tuple_(Job.in_line_since, Job.id) < tuple_(job.in_line_since, job.id)
    earlier = (
        select(Job.id)
        .where(Job.status == State.WAITING, Job.engine == job.engine, Job.account_id == job.account_id, goes_first)
        .where(Job.due_at <= func.now(), Job.media.is_not(None) if queue == "upstream" else true())
        .limit(_COUNTED_MAX)
        .subquery()
    )
    own = session.execute(select(func.count()).select_from(earlier)).scalar_one()
    # Who looks after ten thousands of waiting jobs must not have them counted anew each time.
    line = _lines.find(queue, lambda: look(session, queue, _COUNTED_MAX, heeds_limits=False))
    mine = [stand for stand in line.stands if stand.account == job.account_id.hex]
    others = [stand for stand in line.stands if stand.account != job.account_id.hex]
    return turns.jobs_before(mine[0], own, others, line.now) if mine else own


def _why_full(session: Session, job: Job, account: Account) -> str:
    """Whether the account, or else the engine, has as many under way as it may, in a sentence."""
    under_way = select(func.count()).where(Job.status.in_((State.RUNNING, State.FORWARDED)))
    of_account = session.scalars(under_way.where(Job.account_id == job.account_id)).one()
    if account.running_max is not None and of_account >= account.running_max:
        return f"{of_account} jobs of its account are under way, which is all that may be at once."
    most = session.scalars(select(Engine.running_max).where(Engine.name == job.engine)).one_or_none()
    if most is not None and (on_engine := session.scalars(under_way.where(Job.engine == job.engine)).one()) >= most:
        return f"{on_engine} jobs are under way on {job.engine}, which is all that may be at once."
    return ""


def _pace(session: Session, job: Job) -> Pace | None:
    return paces.measured(session, job.engine, job.inputs.get("resolution"))


def _from(now: datetime, span: Span | None) -> Moment | None:
    return (
        None
        if span is None
        else Moment(*(now + timedelta(seconds=each) for each in (span.expected, span.least, span.most)))
    )


def _price_usd(job: Job) -> tuple[Decimal, Decimal]:
    """Exact once the media are read, and for previews; until then from what is held up to the longest video's."""
    model = MODELS.get(job.model)
    if job.media is not None or not job.price_usd or model is None:
        return job.price_usd, job.price_usd
    longest = dict.fromkeys(model.voices, float(OUTPUT_MAX_SECONDS))
    most = pricing.price_usd(model, {**job.inputs, "order": "meanwhile"}, longest, settings.load().minimum_seconds)
    return job.price_usd, max(job.price_usd, most)


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
