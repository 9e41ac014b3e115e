"""Jobs whose worker on this machine is dead: nobody waits for a lease to run out that cannot be renewed any more."""

import socket
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from cli.pids import is_alive
from jobs.database import transaction
from jobs.lifecycle import moves
from jobs.rules.retries import Again
from jobs.rules.states import State
from jobs.tables import Job


def held_by(pid: int) -> int:
    """How many jobs the worker of this process runs."""
    with transaction() as session:
        return len(_held(session, {pid}))


def hand_back(pid: int) -> int:
    """Put back among the waiting, unharmed, what a worker held that we ended ourselves; how many jobs that were."""
    with transaction() as session:
        orphans = _held(session, {pid})
        for job in orphans:
            moves.again(session, job, Again(0.0, counts=False), "job.handed_back")
        return len(orphans)


def end_leases(pids: Collection[int]) -> int:
    """Have the next rescue take what these workers held, who died by themselves; how many jobs that were."""
    with transaction() as session:
        orphans = _held(session, set(pids))
        for job in orphans:
            job.lease_until = moves.now(session)
        return len(orphans)


def the_dead() -> set[int]:
    """The workers of this machine that are no more and yet hold jobs: who started them was killed, too.

    Only true where all workers are of this machine: elsewhere another, alive, may be called by the same name.
    """
    with transaction() as session:
        return {pid for job in _held(session) if not is_alive(pid := _pid(job))}


def _held(session: Session, pids: set[int] | None = None) -> list[Job]:
    """The jobs that these workers of this machine hold, all if none are named; locked, in the order everybody locks."""
    here = Job.worker.startswith(f"{socket.gethostname()}:", autoescape=True)
    running = select(Job).where(Job.status == State.RUNNING, here).order_by(Job.account_id, Job.id)
    jobs = session.scalars(running.with_for_update(skip_locked=True))
    return [job for job in jobs if pids is None or _pid(job) in pids]


def _pid(job: Job) -> int:
    """A worker is called host:pid:chance, see workers/name.py."""
    return int((job.worker or "").rsplit(":", 2)[1])
