"""Promises about how an attempt tells where its time went."""

from collections.abc import Iterator
from typing import Any

import pytest

from jobs import events
from jobs.accounts import Caller
from tests import factories
from workers.stages import Stages

Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told() -> Iterator[Told]:
    found: Told = []

    def listen(name: str, facts: dict[str, object]) -> None:
        found.append((name, dict(facts)))

    events.listen(listen)
    yield found
    events._listeners.remove(listen)


def test_whatever_is_told_during_an_attempt_is_told_of_its_job(caller: Caller, told: Told) -> None:
    job = factories.submit(caller)
    claim = factories.claim()
    del told[:]
    with Stages(claim) as stages:
        with stages.timed("render"):
            events.emit("engine.died", returncode=1)
        with stages.timed("render"):
            pass
        stages.fail("engine")
    events.emit("chore.done", chore="rescue")
    names = [name for name, _ in told]
    assert names == ["stage.ended", "engine.died", "stage.ended", "stage.ended", "attempt.ended", "chore.done"]
    assert all((facts["job"], facts["fence"]) == (job.id.hex, 1) for _, facts in told[:-1])
    assert "job" not in told[-1][1]
    assert (told[-2][1]["outcome"], told[-2][1]["error_class"]) == ("failed", "engine")
    assert list(stages.seconds) == ["render"]
