"""One word of an operator over all jobs that match: cancel, run again, tell their webhooks again.

How many matched is counted first and never exceeded, and jobs that came later are not touched. It is carried out a
chunk at a time, from the newest back, by the door that took it and by a chore: whoever is cut off leaves no harm, for
each of the three may be done twice.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import accounts, lifecycle, picking, submission, webhooks
from jobs.database import transaction
from jobs.errors import CallerError, NotFound, Unavailable
from jobs.picking import Pick
from jobs.tables import Errand, Job

COUNTED_MAX: Final = 100_000
CHUNK: Final = 50
_LEASE: Final = timedelta(seconds=60)

Verb = Literal["cancel", "rerun", "resend"]


def matching(session: Session, pick: Pick) -> int:
    """How many jobs it would concern: at most `COUNTED_MAX`, the newest."""
    return picking.count(session, pick, COUNTED_MAX)


def take(session: Session, verb: Verb, pick: Pick, operator: str, *, counted: int, before: uuid.UUID) -> Errand:
    """Take an errand over `counted` jobs at most; `before` is an id of when they were counted: no younger one.

    It is the errand's own id too: whoever says the same twice has it done once.
    """
    new = insert(Errand).values(
        id=before, verb=verb, pick=pick.as_json(), operator=operator, counted=counted, before=before
    )
    session.execute(new.on_conflict_do_nothing())
    return errand(session, before)


def errand(session: Session, errand_id: uuid.UUID | None) -> Errand:
    """Raises NotFound."""
    found = session.get(Errand, errand_id) if errand_id else None
    if found is None:
        raise NotFound("There is no such errand.")
    return found


def latest(session: Session, limit: int = 20) -> list[Errand]:
    """The latest errands, newest first."""
    return list(session.scalars(select(Errand).order_by(Errand.id.desc()).limit(limit)))


def stop(session: Session, errand_id: uuid.UUID | None) -> None:
    """Have it go no further; what was done stays done. Raises NotFound."""
    found = errand(session, errand_id)
    found.finished_at = found.finished_at or func.now()


def unfinished() -> list[uuid.UUID]:
    """Those that are not done with, oldest first."""
    with transaction() as session:
        return list(session.scalars(select(Errand.id).where(Errand.finished_at.is_(None)).order_by(Errand.id)))


def carry_on(errand_id: uuid.UUID, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Do chunk after chunk while `goes_on` says so; how many jobs were dealt with.

    Nothing while somebody else is at it.
    """
    held_until, done = _hold(errand_id), 0
    try:
        while held_until is not None and goes_on():
            found, held_until = _take_a_step(errand_id, held_until)
            done += found
    finally:
        if held_until is not None:
            _let_go(errand_id, held_until)
    return done


def _take_a_step(errand_id: uuid.UUID, held_until: datetime) -> tuple[int, datetime | None]:
    """Deal with the next few: how many it were, and until when it is held now; None once it is over, or another's."""
    with transaction() as session:
        found = errand(session, errand_id)
        left = found.counted - found.done - found.refused
        if found.finished_at is not None or found.lease_until != held_until:
            return 0, None
        pick = Pick.of_json(found.pick)
        page = picking.page(session, pick, before=found.before, limit=min(CHUNK, max(left, 1)))
        session.expunge_all()
    jobs = [job for job, _ in page.jobs] if left > 0 else []
    refusals = list(_VERBS[found.verb](found, jobs))
    is_over = left <= len(jobs) or page.next_before is None
    changes = {
        "done": Errand.done + len(jobs) - len(refusals),
        "refused": Errand.refused + len(refusals),
        "before": page.next_before or found.before,
        "lease_until": None if is_over else func.now() + _LEASE,
    }
    changes |= {"refusal": refusals[-1]} if refusals else {}
    changes |= {"finished_at": func.coalesce(Errand.finished_at, func.now())} if is_over else {}
    return len(jobs), _write_down(errand_id, held_until, changes)


def _write_down(errand_id: uuid.UUID, held_until: datetime, changes: Mapping[str, object]) -> datetime | None:
    """By its holder alone: one that slept through its lease would count twice what another did, and go back."""
    written = update(Errand).where(_is_held(errand_id, held_until)).values(changes).returning(Errand.lease_until)
    with transaction() as session:
        return session.scalars(written.execution_options(synchronize_session=False)).one_or_none()


def _cancel(_: Errand, jobs: list[Job]) -> Iterator[str]:
    for job in jobs:
        yield from _refusal_of(lambda job=job: lifecycle.cancel(_owner(job), job.id))  # type: ignore[misc]


def _rerun(errand: Errand, jobs: list[Job]) -> Iterator[str]:
    """Each by a name of its own: done twice, it is one new job. Money is judged, but no pace: no caller orders."""
    for job in jobs:
        name, owner = f"errand-{errand.id.hex}-{job.id.hex}", _owner(job)
        terms = replace(owner.terms, submits_per_minute=None, waiting_max=None)
        caller = replace(owner, terms=terms)
        yield from _refusal_of(lambda job=job, name=name, caller=caller: submission.rerun(caller, job.id, name))  # type: ignore[misc]


def _resend(_: Errand, jobs: list[Job]) -> Iterator[str]:
    webhooks.resend_of_jobs([job.id for job in jobs])
    yield from ()


_VERBS: Final = {"cancel": _cancel, "rerun": _rerun, "resend": _resend}


def _refusal_of(verb: Callable[[], object]) -> Iterator[str]:
    """The sentence of whatever would not have it; what is only away for the moment ends the chunk."""
    try:
        verb()
    except Unavailable:
        raise
    except CallerError as error:
        yield str(error)


def _owner(job: Job) -> accounts.Caller:
    with transaction() as session:
        return accounts.owner(session, job.account_id, job.key_id)


def _hold(errand_id: uuid.UUID) -> datetime | None:
    """Until when the caller is the one to carry it on, and its fence; None when it is not."""
    free = (Errand.id == errand_id) & Errand.finished_at.is_(None)
    free &= Errand.lease_until.is_(None) | (Errand.lease_until < func.now())
    held = update(Errand).where(free).values(lease_until=func.now() + _LEASE).returning(Errand.lease_until)
    with transaction() as session:
        return session.scalars(held.execution_options(synchronize_session=False)).one_or_none()


def _let_go(errand_id: uuid.UUID, held_until: datetime) -> None:
    with transaction() as session:
        session.execute(update(Errand).where(_is_held(errand_id, held_until)).values(lease_until=None))


def _is_held(errand_id: uuid.UUID, held_until: datetime) -> ColumnElement[bool]:
    return (Errand.id == errand_id) & (Errand.lease_until == held_until)
