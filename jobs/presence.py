"""Which workers are alive: their heartbeats, and who has been seen lately."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.rules.states import State
from jobs.tables import Job, Worker

ALIVE_SECONDS = 45.0
_FORGOTTEN_SECONDS = 86_400.0


@dataclass(frozen=True)
class Seen:
    """One worker process and how long ago it was heard of, by Postgres' clock."""

    name: str
    engines: Sequence[str]
    slots: int
    version: str
    started_at: datetime
    silent_seconds: float

    @property
    def is_alive(self) -> bool:
        return self.silent_seconds < ALIVE_SECONDS


def beat(name: str, engines: Sequence[str], slots: int, version: str, gpu_used_bytes: int | None = None) -> bool:
    """Say that `name` is alive; False when Postgres could not be told."""
    row = {
        "engines": list(engines),
        "slots": slots,
        "version": version,
        "seen_at": func.now(),
        "gpu_used_bytes": gpu_used_bytes,
    }
    statement = insert(Worker).values(name=name, **row).on_conflict_do_update(index_elements=["name"], set_=row)
    try:
        with transaction() as session:
            session.execute(statement)
    except Unavailable:
        return False
    return True


def leave(name: str) -> None:
    """Say that `name` is gone for good, and forget those not heard of for a day."""
    with transaction() as session:
        long_ago = func.now() - timedelta(seconds=_FORGOTTEN_SECONDS)
        session.execute(delete(Worker).where((Worker.name == name) | (Worker.seen_at < long_ago)))


def slots(engine: str) -> tuple[int, int]:
    """How many jobs of `engine` the living workers could run at once, and how many of those slots are taken."""
    serving = [worker for worker in workers() if worker.is_alive and engine in worker.engines]
    with transaction() as session:
        busy = session.execute(
            select(func.count()).where(Job.status == State.RUNNING, Job.worker.in_([worker.name for worker in serving]))
        ).scalar_one()
    return sum(worker.slots for worker in serving), busy


def workers() -> list[Seen]:
    """Every worker heard of in the last day, the most recent first."""
    silent = func.extract("epoch", func.now() - Worker.seen_at)
    with transaction() as session:
        rows = session.execute(select(Worker, silent).order_by(silent)).all()
    return [
        Seen(row.name, row.engines, row.slots, row.version, row.started_at, float(seconds)) for row, seconds in rows
    ]
