"""Holding a job: claim it, renew the lease, keep what was learnt; every effect names its fence."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from jobs import journal, settings
from jobs.database import transaction
from jobs.errors import LeaseLost, MediaError
from jobs.rules import inputs
from jobs.rules.catalog import MODELS, Model
from jobs.rules.states import State
from jobs.tables import Attachment, Job

Standing = Literal["good", "cancelled", "overdue"]
"""How a holder stands: it may go on, its job was cancelled, or a deadline has passed."""


@dataclass(frozen=True)
class Claim:
    """One holder's right to one job, as the row stood when it was claimed; `fence` proves it."""

    job_id: uuid.UUID
    account_id: uuid.UUID
    fence: int
    attempt: int
    worker: str
    engine: str
    model: Model
    inputs: Mapping[str, Any]
    options: Mapping[str, Any]
    seed: int
    media: Mapping[str, Any] | None
    profile: int


def claim(worker: str, engine: str) -> Claim | None:
    """Take the next due job of `engine`, or None when there is none.

    One statement decides: highest priority first, then oldest; rows that others are just taking are skipped.
    """
    chosen = settings.load()
    due = (
        select(Job.id)
        .where(Job.status == State.WAITING, Job.engine == engine, Job.due_at <= func.now())
        # A missed deadline and a model that only newer code knows are not for us.
        .where(Job.finish_until > func.now(), (Job.fence > 0) | (Job.wait_until > func.now()), Job.model.in_(MODELS))
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = update(Job).where(Job.id == due).values(worker=worker).returning(Job)
    with transaction() as session:
        job = session.scalars(taken).one_or_none()
        if job is None:
            return None
        now = session.execute(select(func.now())).scalar_one()
        job.attempt += 1
        job.fence += 1
        job.started_at, job.lease_until = now, now + timedelta(seconds=chosen.lease_seconds)
        job.stage, job.progress = "preparing", 0.0
        journal.move(session, job, State.RUNNING, "job.claimed", worker=worker)
    return _claim_of(job, worker)


def renew(claim: Claim, stage: str, progress: float) -> Standing:
    """Say that the holder is alive and how far it is; the answer is whether it may go on.

    Raises LeaseLost when another holds the job, or nobody may any more.
    """
    is_overdue = (Job.finish_until <= func.now()) | (
        Job.started_at + func.make_interval(0, 0, 0, 0, 0, 0, Job.run_seconds) <= func.now()
    )
    statement = (
        update(Job)
        .where(Job.id == claim.job_id, Job.fence == claim.fence, Job.status == State.RUNNING)
        .values(
            lease_until=func.now() + timedelta(seconds=settings.load().lease_seconds), stage=stage, progress=progress
        )
        .returning(Job.cancel_requested_at.is_not(None), is_overdue)
        .execution_options(synchronize_session=False)
    )
    with transaction() as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        raise LeaseLost(f"job {claim.job_id.hex}: fence {claim.fence} no longer holds it")
    is_cancelled, is_late = row
    return "cancelled" if is_cancelled else "overdue" if is_late else "good"


def sources(claim: Claim) -> dict[str, str]:
    """What the caller gave for each media field: a link, a data: URI or bare base64.

    Raises MediaError for what came inside a request and is gone by now.
    """
    found = {name: claim.inputs[name] for name in claim.model.media if name in claim.inputs}
    if any(value.startswith(inputs.ATTACHMENT) for value in found.values()):
        with transaction() as session:
            rows = session.scalars(select(Attachment).where(Attachment.job_id == claim.job_id))
            found |= {row.field: row.content for row in rows}
    for name, value in found.items():
        if value.startswith(inputs.ATTACHMENT):
            raise MediaError(name, "it was sent inside the first request and is no longer kept")
    return found


def keep_media(claim: Claim, media: Mapping[str, object]) -> None:
    """Write down the regular files made of the inputs, so that no later attempt fetches again. Raises LeaseLost."""
    with transaction() as session:
        held(session, claim).media = dict(media)
        session.execute(delete(Attachment).where(Attachment.job_id == claim.job_id))


def held(session: Session, claim: Claim) -> Job:
    """The job's row, locked, if `claim` still holds it. Raises LeaseLost otherwise."""
    job = session.scalars(
        select(Job)
        .where(Job.id == claim.job_id, Job.fence == claim.fence, Job.status == State.RUNNING)
        .with_for_update()
    ).one_or_none()
    if job is None:
        raise LeaseLost(f"job {claim.job_id.hex}: fence {claim.fence} no longer holds it")
    return job


def _claim_of(job: Job, worker: str) -> Claim:
    return Claim(
        job_id=job.id,
        account_id=job.account_id,
        fence=job.fence,
        attempt=job.attempt,
        worker=worker,
        engine=job.engine,
        model=MODELS[job.model],
        inputs=job.inputs,
        options=job.options,
        seed=job.seed,
        media=job.media,
        profile=job.profile,
    )
