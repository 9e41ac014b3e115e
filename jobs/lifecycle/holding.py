"""Holding a job: claim it, renew the lease, keep what was learnt; every effect names its fence."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from jobs import journal, ledger, settings
from jobs.database import transaction
from jobs.errors import LeaseLost, MediaError
from jobs.rules import inputs, pricing
from jobs.rules.catalog import MODELS, Model
from jobs.rules.states import State
from jobs.tables import Account, Attachment, Job, Tally

Standing = Literal["good", "cancelled", "overdue"]
"""How a holder stands: it may go on, its job was cancelled, or a deadline has passed."""

_UNDER_WAY = (State.RUNNING, State.FORWARDED)


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

    One statement decides: highest priority first, then oldest; rows that others are just taking are skipped, and so
    are accounts that have as many jobs under way as they may.
    """
    full: set[uuid.UUID] = set()
    while True:
        try:
            with transaction() as session:
                job = _taken(session, worker, engine, full)
                if job is None:
                    return None
                _begin(session, job, worker)
        except _AccountIsFull as error:
            full.add(error.account_id)  # another worker took its last place between our look and our lock
        else:
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


def keep_media(claim: Claim, media: Mapping[str, Mapping[str, Any]]) -> None:
    """Write down the regular files made of the inputs, so that no later attempt fetches again, and settle the price.

    Raises LeaseLost, and CannotPay when the account cannot pay for voices as long as these.
    """
    with transaction() as session:
        job = held(session, claim)
        job.media = dict(media)
        if job.price_usd:  # a preview is free however long it is
            ledger.requote(session, job, _price_usd(claim, media))
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


class _AccountIsFull(Exception):
    """The account has as many jobs under way as it may."""

    def __init__(self, account_id: uuid.UUID) -> None:
        super().__init__(account_id)
        self.account_id = account_id


def _taken(session: Session, worker: str, engine: str, besides: Collection[uuid.UUID]) -> Job | None:
    """The next due job, its row locked."""
    under_way = select(func.count()).where(Job.account_id == Account.id, Job.status.in_(_UNDER_WAY)).scalar_subquery()
    full = select(Account.id).where(Account.running_max.is_not(None), Account.running_max <= under_way)
    due = (
        select(Job.id)
        .where(Job.status == State.WAITING, Job.engine == engine, Job.due_at <= func.now())
        # A missed deadline and a model that only newer code knows are not for us.
        .where(Job.finish_until > func.now(), (Job.fence > 0) | (Job.wait_until > func.now()), Job.model.in_(MODELS))
        .where(Job.account_id.not_in(full), Job.account_id.not_in(besides))
        .order_by(Job.priority.desc(), Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    return session.scalars(update(Job).where(Job.id == due).values(worker=worker).returning(Job)).one_or_none()


def _begin(session: Session, job: Job, worker: str) -> None:
    """Move the job to running. Raises _AccountIsFull."""
    now, most = session.execute(select(func.now(), Account.running_max).where(Account.id == job.account_id)).one()
    if most is not None:
        _check_place(session, job.account_id, most)
    job.attempt += 1
    job.fence += 1
    job.started_at, job.lease_until = now, now + timedelta(seconds=settings.load().lease_seconds)
    job.stage, job.progress = "preparing", 0.0
    journal.move(session, job, State.RUNNING, "job.claimed", worker=worker)


def _check_place(session: Session, account_id: uuid.UUID, most: int) -> None:
    """Whether one more may begin; until the transaction ends nobody else asks this for the account."""
    session.execute(select(Tally.account_id).where(Tally.account_id == account_id).with_for_update())
    under_way = select(func.count()).where(Job.account_id == account_id, Job.status.in_(_UNDER_WAY))
    with session.no_autoflush:
        if session.scalars(under_way).one() >= most:
            raise _AccountIsFull(account_id)


def _price_usd(claim: Claim, media: Mapping[str, Mapping[str, Any]]) -> Decimal:
    tracks = {voice: media[voice]["seconds"] for voice in claim.model.voices if voice in media}
    return pricing.price_usd(claim.model, claim.inputs, tracks, settings.load().minimum_seconds)


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
