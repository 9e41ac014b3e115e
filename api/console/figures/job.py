"""One job as operators see it: its row or what the archive has of it, what happened, its files, who was told."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import margins, storage
from jobs.errors import NotFound, WrongSetting
from jobs.rules.addresses import without_query
from jobs.tables import Account, ArchivedEvent, ArchivedJob, Batch, Delivery, Endpoint, Event, Job, Try, UpstreamTry


class Medium(NamedTuple):
    """One input: what it is for, the link as the caller gave it, and where to play it, empty where it cannot be."""

    field: str
    given: str
    kind: str
    seconds: float | None
    link: str


@dataclass(frozen=True)
class Told:
    """One delivery, where it goes, and every try."""

    delivery: Delivery
    url: str
    tries: Sequence[Try]


@dataclass(frozen=True)
class Story:
    """A job that is kept, with everything about it."""

    job: Job
    account: str
    events: Sequence[Event]
    told: list[Told]
    tries: list[UpstreamTry]
    media: list[Medium]
    video: str
    reruns: Sequence[uuid.UUID]
    is_of_batch: bool

    @property
    def last_event_id(self) -> int:
        return self.events[-1].id if self.events else 0


@dataclass(frozen=True)
class Archived:
    """What is left of a job that is kept no longer."""

    job: ArchivedJob
    account: str
    events: Sequence[ArchivedEvent]


def story(session: Session, job_id: uuid.UUID | None) -> Story | Archived:
    """Raises NotFound."""
    row = session.execute(
        select(Job, Account.name).join(Account, Account.id == Job.account_id).where(Job.id == job_id)
    ).one_or_none()
    if row is None:
        return _archived(session, job_id)
    job, account = row
    reruns = select(Job.id).where(Job.rerun_of == job.id)
    return Story(
        job=job,
        account=account,
        events=session.scalars(select(Event).where(Event.job_id == job.id).order_by(Event.id)).all(),
        told=_told(session, job.id),
        tries=margins.tries_of(session, job.id),
        media=_media(job),
        video=_link((job.output or {}).get("key")) if _is_kept(job) else "",
        reruns=session.scalars(reruns.order_by(Job.id).limit(10)).all(),
        is_of_batch=job.batch_id is not None and session.get(Batch, job.batch_id) is not None,
    )


def _archived(session: Session, job_id: uuid.UUID | None) -> Archived:
    row = session.execute(
        select(ArchivedJob, Account.name)
        .join(Account, Account.id == ArchivedJob.account_id)
        .where(ArchivedJob.id == job_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such job.")
    events = select(ArchivedEvent).where(ArchivedEvent.job_id == job_id).order_by(ArchivedEvent.id)
    return Archived(row[0], row[1], session.scalars(events).all())


def _told(session: Session, job_id: uuid.UUID) -> list[Told]:
    owed = (
        select(Delivery, Endpoint.url)
        .outerjoin(Endpoint, Endpoint.id == Delivery.endpoint_id)
        .where(Delivery.job_id == job_id, Delivery.kind != "job.progress")
        .order_by(Delivery.id)
    )
    rows = session.execute(owed).all()
    tries: dict[uuid.UUID, list[Try]] = {}
    for one in session.scalars(
        select(Try).where(Try.delivery_id.in_([delivery.id for delivery, _ in rows])).order_by(Try.id)
    ):
        tries.setdefault(one.delivery_id, []).append(one)
    return [
        Told(delivery, without_query(delivery.url or url or "pulled"), tries.get(delivery.id, []))
        for delivery, url in rows
    ]


def _media(job: Job) -> list[Medium]:
    """The inputs that are media, played from the regular files that were made of them."""
    made: dict[str, Any] = job.media or {}
    fields = [name for name in job.inputs if name in made or name.removesuffix("_image") in _KINDS or name in _KINDS]
    is_kept = _is_kept(job)
    return [
        Medium(
            field=name,
            given=without_query(str(job.inputs[name])),
            kind=made.get(name, {}).get("kind", ""),
            seconds=made.get(name, {}).get("seconds"),
            link=_link(made.get(name, {}).get("key")) if is_kept else "",
        )
        for name in fields
    ]


_KINDS = {"image", "video", "audio", "left_audio", "right_audio", "mask"}


def _is_kept(job: Job) -> bool:
    return job.objects_removed_at is None and job.deleted_at is None


def _link(key: object) -> str:
    try:
        return storage.steady_link(key) if isinstance(key, str) else ""
    except WrongSetting:
        return ""
