"""Holding a job: renew the lease, keep what was learnt; every effect names its fence."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import psycopg
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from jobs import ledger, settings
from jobs.database import cursor_of, pipelined, transaction
from jobs.errors import LeaseLost, MediaError
from jobs.rules import inputs, pricing
from jobs.rules.catalog import Model
from jobs.rules.states import State
from jobs.tables import Attachment, Job, Json

UNDER_WAY = (State.RUNNING, State.FORWARDED)
"""What counts against how many jobs an account may have at once."""

Standing = Literal["good", "cancelled", "overdue"]
"""How a holder stands: it may go on, its job was cancelled, or a deadline has passed."""


@dataclass(frozen=True)
class Arrival:
    """A video that waits at the upstream to be fetched."""

    try_id: uuid.UUID
    upstream_key: str
    upstream_id: str
    url: str
    is_flagged: bool
    inference_ms: int


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
    arrival: Arrival | None = None
    traceparent: str | None = None
    waited_seconds: float = 0.0
    """From when it could have begun until it was claimed."""

    @property
    def facts(self) -> Json:
        """Whose story it is, for whoever is told of what happens."""
        found: Json = {"job": self.job_id.hex, "model": self.model.id, "engine": self.engine, "attempt": self.attempt}
        return found if self.traceparent is None else found | {"traceparent": self.traceparent}

    @property
    def inference_ms(self) -> int:
        """What the upstream says the rendering took; 0 where it did not render."""
        return self.arrival.inference_ms if self.arrival else 0


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


def forgive(claim: Claim) -> None:
    """The job has come further: workers that were lost before are no longer held against it, only their attempts."""
    own = (Job.id == claim.job_id, Job.fence == claim.fence, Job.status == State.RUNNING)
    with transaction() as session:
        session.execute(update(Job).where(*own).values(workers_lost=0))


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


class TallyIsKept(Exception):
    """Somebody else has had the account's tally for longer than is waited for it; the transaction may go on."""


def places(session: Session, account_id: uuid.UUID, most: int) -> int:
    """How many more of the account's jobs may begin; until the transaction ends nobody else asks this for it.

    Below zero where more have begun, the caller's own among them, than may. Waits for the account's tally a little
    only, for the whole queue waits with us. Raises TallyIsKept.
    """
    cursor, counting = cursor_of(session), cursor_of(session)
    try:
        with pipelined(session):
            cursor.execute("SAVEPOINT places")
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            cursor.execute("SELECT FROM tallies WHERE account_id = %s FOR UPDATE", (account_id,))
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
            cursor.execute("RELEASE SAVEPOINT places")
            counting.execute(_HAS_UNDER_WAY, (account_id,))
    except psycopg.errors.LockNotAvailable as error:
        cursor.execute("ROLLBACK TO SAVEPOINT places")
        raise TallyIsKept from error
    [row] = counting.fetchall()
    return most - int(row.jobs)


_HAS_UNDER_WAY = "SELECT count(*) AS jobs FROM jobs WHERE account_id = %s AND status IN ('running', 'forwarded')"


def _price_usd(claim: Claim, media: Mapping[str, Mapping[str, Any]]) -> Decimal:
    tracks = {voice: media[voice]["seconds"] for voice in claim.model.voices if voice in media}
    return pricing.price_usd(claim.model, claim.inputs, tracks, settings.load().minimum_seconds)
