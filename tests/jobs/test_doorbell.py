"""What lies in the broker once somebody rang."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import broker, doorbell

ENGINE = "gpu"


@pytest.fixture
def queue(database: dict[str, str]) -> Iterator[Any]:
    """The queue of an engine, with nothing in it."""
    with doorbell.celery().connection_for_read() as connection:
        found: Any = broker.queue(doorbell.queue_of(ENGINE))(connection.default_channel)
        found.purge()
        yield found
        found.purge()


def test_no_ring_is_judged_by_the_clock_of_the_machine_that_hears_it(queue: Any) -> None:  # noqa: ANN401 - kombu is untyped
    doorbell._send(doorbell.celery(), ENGINE, 1)
    assert queue.get(no_ack=True).headers["expires"] is None


def test_rings_that_nobody_hears_do_not_pile_up_for_ever(queue: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - as above
    monkeypatch.setattr(broker, "RINGS_MAX", 3)
    for _ in range(10):
        doorbell._send(doorbell.celery(), ENGINE, 1)
    assert len(list(iter(lambda: queue.get(no_ack=True), None))) == 3


def test_a_storm_of_rings_for_one_engine_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    app: Any = "the application"
    rung = []
    with doorbell._has_rung, monkeypatch.context() as alone:  # no ringer of this process comes between
        alone.setattr(doorbell, "_wanted", Counter({(app, "preview"): 1, (app, "gpu"): 20}))
        for _ in range(3):
            rung.append(doorbell._next()[1])
            doorbell._wanted[app, "gpu"] += 8
            doorbell._wanted[app, "preview"] += 1
    assert rung == ["preview", "gpu", "preview"]
