"""Runs a courier beside a test, finishes jobs for it to tell of, and looks at what became of deliveries."""

import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select, update

from jobs import lifecycle
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.tables import Delivery, Job, Try
from tests import factories
from tests.api.open_door import wait_for
from workers import courier


@contextmanager
def delivering(keep: Callable[[threading.Event], None] = courier.keep) -> Iterator[None]:
    """A courier at work meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=keep, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive(), "the courier does not stop"


def completed(caller: Caller, **wishes: Any) -> Job:  # noqa: ANN401 - as the factory takes them
    """A job that has just completed."""
    job = factories.submit(caller, **wishes)
    claim = factories.claim()
    assert claim.job_id == job.id
    lifecycle.finish(claim, factories.output(claim))
    return job


def deliveries(*conditions: object) -> list[Delivery]:
    """All there are, oldest first."""
    with transaction() as session:
        return list(session.scalars(select(Delivery).where(*conditions).order_by(Delivery.id)))  # type: ignore[arg-type]


def tries(delivery: Delivery) -> list[Try]:
    with transaction() as session:
        return list(session.scalars(select(Try).where(Try.delivery_id == delivery.id).order_by(Try.id)))


def statuses() -> list[str]:
    return [delivery.status for delivery in deliveries()]


def wait_until_settled() -> list[Delivery]:
    """Every delivery, once none is owed."""
    wait_for(lambda: "owed" not in statuses(), "everything is settled", 60)
    return deliveries()


def wait_for_tries(count: int) -> None:
    """Until the one delivery there is has been tried so often."""
    wait_for(lambda: sum(len(tries(one)) for one in deliveries()) >= count, f"{count} tries", 60)


def make_due(delivery_id: uuid.UUID | None = None) -> None:
    """Have owed deliveries tried again now, however long their pause."""
    with transaction() as session:
        statement = update(Delivery).where(Delivery.status == "owed", Delivery.taken_until.is_(None))
        if delivery_id is not None:
            statement = statement.where(Delivery.id == delivery_id)
        session.execute(statement.values(due_at=func.now() - timedelta(seconds=1)))


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
