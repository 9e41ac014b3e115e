"""Promises of `duologue load`: what it orders is watched to its end and judged, and strangers are left in peace."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from cli.client import Api, NoAnswer
from cli.load import checking, patience
from cli.load.driving import Plan, Record
from cli.main import app
from jobs import database as ours
from jobs import lifecycle
from tests import factories
from tests.api.open_door import served
from tests.conftest import Member

Desk = Callable[..., Result]


@pytest.fixture
def desk(bucket: str, member: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    ours.engine()
    with served(create_app()) as url:
        monkeypatch.setenv("DUOLOGUE_API_URL", url)
        monkeypatch.setenv("DUOLOGUE_API_KEY", member.key)
        yield lambda *words: CliRunner().invoke(app, ("load", *words))


@contextmanager
def working() -> Iterator[None]:
    """Somebody completes whatever waits."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.02):
            while (claim := lifecycle.claim("worker", "preview")) is not None:
                lifecycle.finish(claim, factories.output(claim))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_load_is_ordered_watched_and_found_to_have_been_served(desk: Desk) -> None:
    with working():
        done = desk("--jobs", "12", "--at-once", "3", "--json")

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["broken"] == []
    assert told["figures"]["accepted"] == 12
    assert told["figures"]["statuses"] == {"completed": 12}
    assert set(told["figures"]["total_seconds"]) == {"p50", "p95", "p99"}


def test_what_is_unfinished_when_the_time_is_over_is_told(desk: Desk) -> None:
    done = desk("--jobs", "2", "--seconds", "1")

    assert done.exit_code == 1
    assert done.stdout.count("is still waiting") == 2


@pytest.mark.parametrize("method", ["jobs", "job"])
def test_an_answer_that_is_lost_meanwhile_is_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    ask, lost = getattr(Api, method), iter(range(3))

    def now_and_then(*asked: object) -> object:
        if next(lost, None) is not None:
            raise NoAnswer("It broke off.")
        return ask(*asked)

    monkeypatch.setattr(Api, method, now_and_then)
    monkeypatch.setattr(patience, "_PAUSE_SECONDS", 0.01)
    with working():
        done = desk("--jobs", "3", "--json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["figures"]["statuses"] == {"completed": 3}


@pytest.mark.parametrize(("method", "told"), [("jobs", "not seen to the end"), ("job", "history could be read")])
def test_what_was_seen_is_told_though_the_api_went_away(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, method: str, told: str
) -> None:
    def gone(*_asked: object) -> None:
        raise NoAnswer("It broke off.")

    monkeypatch.setattr(Api, method, gone)
    monkeypatch.setattr(patience, "_PATIENCE_SECONDS", 0.0)
    with working():
        done = desk("--jobs", "3", "--json")

    assert done.exit_code == 1
    assert json.loads(done.stdout)["figures"]["accepted"] == 3
    assert told in done.stdout


def test_another_machine_is_loaded_only_if_its_owner_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_API_URL", "http://elsewhere.example.com")
    monkeypatch.setenv("DUOLOGUE_API_KEY", "none")

    refused = CliRunner().invoke(app, ["load", "--jobs", "1"])

    assert refused.exit_code == 1
    assert "--elsewhere" in refused.output


def a_job(*events: tuple[str, str], status: str = "completed") -> dict[str, Any]:
    timeline = [{"kind": kind, "status": state} for kind, state in events]
    return {"id": "one", "status": status, "timeline": timeline, "output": {}, "why_waiting": None, "stage": ""} | (
        {"output": {"link": "somewhere"}} if status == "completed" else {}
    )


TAKEN = ("job.created", "waiting")
BEGUN = ("job.claimed", "running")
ENDED = ("job.completed", "completed")


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (a_job(TAKEN, BEGUN, ENDED), []),
        (a_job(TAKEN, BEGUN, ENDED, ENDED), ["its ends are: job.completed, job.completed"]),
        (a_job(TAKEN, BEGUN, ENDED, BEGUN), ["its ends are: job.completed", "went from completed to running"]),
        (a_job(TAKEN, ENDED), ["went from waiting to completed"]),
        (a_job(TAKEN, BEGUN, status="running"), ["is still running"]),
        (a_job(BEGUN, ENDED), ["does not begin with its acceptance"]),
    ],
)
def test_a_history_that_cannot_be_is_told(job: dict[str, Any], said: list[str]) -> None:
    sentences = list(checking._of_job(job))

    assert len(sentences) == len(said)
    assert all(part in sentence for part, sentence in zip(said, sentences, strict=True))


def test_an_order_that_is_lost_or_two_jobs_is_told() -> None:
    plan = Plan({}, 3, 1, 0.0, 1.0, "name")
    record = Record(accepted={0: "a", 1: "b", 2: "b"}, repeated={0: "c"}, jobs={"a": {}, "d": {}})

    told = " / ".join(checking._of_orders(plan, record))

    for part in ("no list has it", "all accepted as b", "c when it is sent again", "were never ordered"):
        assert part in told
