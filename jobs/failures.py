"""Kinds of failures: noted as jobs fail, resolved and ignored by operators, open again when they come back."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.errors import NotFound
from jobs.rules import groups
from jobs.tables import ErrorGroup, Job

Standing = Literal["open", "resolved", "ignored"]
STANDINGS: Final[tuple[Standing, ...]] = ("open", "resolved", "ignored")


@dataclass(frozen=True)
class Group:
    """One kind of failure; `jobs` and `last_at` are of the jobs that are still kept."""

    group: ErrorGroup
    jobs: int
    last_at: datetime | None
    last_job_id: uuid.UUID | None

    @property
    def standing(self) -> Standing:
        if self.group.ignored_at is not None:
            return "ignored"
        return "open" if self.group.resolved_at is None or self.has_come_back else "resolved"

    @property
    def has_come_back(self) -> bool:
        """Whether it happened again after somebody said that it was mended."""
        resolved_at = self.group.resolved_at
        return resolved_at is not None and self.last_at is not None and self.last_at > resolved_at


def note(session: Session, job: Job, error: str, error_class: str) -> None:
    """Have `job`, which fails with `error`, name its kind. A kind that is known is not touched: many fail at once."""
    sentence = groups.sentence_of(error)
    job.error_group = groups.id_of(error_class, sentence)
    new = insert(ErrorGroup).values(id=job.error_group, error_class=error_class, sentence=sentence)
    with session.no_autoflush:  # the job's row is half changed
        session.execute(new.on_conflict_do_nothing())


def known(session: Session, standing: Standing, *, limit: int = 100) -> list[Group]:
    """The kinds of failures that stand so, the one met last first."""
    met = _met().subquery()
    has_come_back = met.c.last_at > ErrorGroup.resolved_at
    of: dict[Standing, ColumnElement[bool]] = {
        "ignored": ErrorGroup.ignored_at.is_not(None),
        "open": and_(ErrorGroup.ignored_at.is_(None), or_(ErrorGroup.resolved_at.is_(None), has_come_back)),
        "resolved": and_(
            ErrorGroup.ignored_at.is_(None), ErrorGroup.resolved_at.is_not(None), has_come_back.is_not(True)
        ),
    }
    rows = session.execute(
        select(ErrorGroup, func.coalesce(met.c.jobs, 0), met.c.last_at, _last_job())
        .outerjoin(met, met.c.error_group == ErrorGroup.id)
        .where(of[standing])
        .order_by(met.c.last_at.desc().nulls_last(), ErrorGroup.id)
        .limit(limit)
    )
    return [Group(*row) for row in rows]


def group(session: Session, group_id: uuid.UUID | None) -> Group:
    """Raises NotFound."""
    met = _met().where(Job.error_group == group_id).subquery()
    row = session.execute(
        select(ErrorGroup, func.coalesce(met.c.jobs, 0), met.c.last_at, _last_job())
        .outerjoin(met, met.c.error_group == ErrorGroup.id)
        .where(ErrorGroup.id == group_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such kind of failure.")
    return Group(*row)


def resolve(session: Session, group_id: uuid.UUID | None) -> None:
    """Say that it is mended; it is open again once it happens again. Raises NotFound."""
    _set(session, group_id, resolved_at=func.clock_timestamp(), ignored_at=None)


def ignore(session: Session, group_id: uuid.UUID | None) -> None:
    """Say that it is not worth looking at, however often it happens. Raises NotFound."""
    _set(session, group_id, ignored_at=func.clock_timestamp())


def reopen(session: Session, group_id: uuid.UUID | None) -> None:
    """Take back what was said of it. Raises NotFound."""
    _set(session, group_id, resolved_at=None, ignored_at=None)


def forget(most: int) -> int:
    """Forget kinds that no job names any more, but for those an operator ignores; how many, at most so many.

    A kind that is met again in this very moment may be gone from the page until it is met once more.
    """
    named = select(Job.id).where(Job.error_group == ErrorGroup.id)
    unnamed = select(ErrorGroup.id).where(~named.exists(), ErrorGroup.ignored_at.is_(None)).limit(most)
    with transaction() as session:
        return len(session.execute(delete(ErrorGroup).where(ErrorGroup.id.in_(unnamed)).returning(ErrorGroup.id)).all())


def _met() -> Select[uuid.UUID, int, datetime]:
    """How often each kind was met, and when last; read off an index that holds the failed alone."""
    return (
        select(Job.error_group, func.count().label("jobs"), func.max(Job.finished_at).label("last_at"))  # type: ignore[return-value]  # none is null in there
        .where(Job.error_group.is_not(None))
        .group_by(Job.error_group)
    )


def _last_job() -> ColumnElement[uuid.UUID]:
    last = select(Job.id).where(Job.error_group == ErrorGroup.id).order_by(Job.finished_at.desc()).limit(1)
    return last.scalar_subquery()


def _set(session: Session, group_id: uuid.UUID | None, **values: object) -> None:
    changed = update(ErrorGroup).where(ErrorGroup.id == group_id).values(**values).returning(ErrorGroup.id)
    if session.execute(changed).one_or_none() is None:
        raise NotFound("There is no such kind of failure.")
