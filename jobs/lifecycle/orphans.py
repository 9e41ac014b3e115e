"""Jobs of workers that are known to be dead: nobody waits for a lease to run out that cannot be renewed any more."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.lifecycle import moves
from jobs.rules.retries import Again
from jobs.rules.states import State
from jobs.tables import Job


def holders(host: str) -> list[str]:
    """The workers of a host that hold jobs, named once for each job."""
    of_host = Job.worker.startswith(f"{host}:", autoescape=True)
    with transaction() as session:
        return [name or "" for name in session.scalars(select(Job.worker).where(Job.status == State.RUNNING, of_host))]


def hand_back_all(workers: Collection[str]) -> int:
    """Put back among the waiting, unharmed, what these workers held who were ended on purpose; how many jobs."""
    with transaction() as session:
        orphans = _held(session, workers)
        for job in orphans:
            moves.again(session, job, Again(0.0, counts=False), "job.handed_back")
    return len(orphans)


def end_leases(workers: Collection[str]) -> int:
    """Have the next rescue take what these workers held, who died by themselves; how many jobs."""
    with transaction() as session:
        orphans = _held(session, workers)
        for job in orphans:
            job.lease_until = moves.now(session)
    return len(orphans)


def _held(session: Session, workers: Collection[str]) -> list[Job]:
    """Locked, in the order in which everybody locks."""
    running = select(Job).where(Job.status == State.RUNNING, Job.worker.in_(workers))
    return list(session.scalars(running.order_by(Job.account_id, Job.id).with_for_update(skip_locked=True)))
