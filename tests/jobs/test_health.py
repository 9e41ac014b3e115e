"""Promises about engines that fail, are tried again, are paused, or have cost what they may."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs import events, health, lifecycle
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules.breaker import FAILURES_MAX
from tests import factories, routed
from tests.past import execute

JOBS = [uuid.UUID(int=number) for number in range(1, 20)]


@pytest.fixture(autouse=True)
def _both(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)


@pytest.fixture
def told() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(name: str, _: dict[str, object]) -> None:
        heard.append(name)

    events.listen(hear)
    yield heard
    events._listeners.remove(hear)


def fail(job_id: uuid.UUID, engine: str = "gpu", error_class: str = "engine") -> None:
    with transaction() as session:
        health.record_failure(session, engine, job_id, error_class)


def admitted(*job_ids: uuid.UUID, engine: str = "gpu") -> int:
    with transaction() as session:
        return health.admit(session, engine, job_ids)


def shut() -> None:
    for job_id in JOBS[:FAILURES_MAX]:
        fail(job_id)


def let_pause_pass() -> None:
    execute("UPDATE engines SET open_until = now() WHERE open_until > now()")


def test_while_all_is_well_nothing_is_written() -> None:
    with transaction() as session:
        health.record_success(session, "gpu")
        health.record_failure(session, "gpu", JOBS[0], "input")
        health.record_failure(session, "preview", JOBS[0], "engine")
    assert execute("SELECT * FROM engines") == []
    assert admitted(*JOBS) == len(JOBS)


def test_a_shut_engine_begins_nothing_and_says_so_once(told: list[str]) -> None:
    shut()
    fail(JOBS[7])
    assert admitted(*JOBS) == 0
    assert admitted(*JOBS, engine="cloud") == len(JOBS)
    assert told == ["engine.shut"]


def test_it_is_tried_again_with_one_job_at_a_time(caller: Caller, told: list[str]) -> None:
    jobs = [factories.submit(caller, engine="gpu") for _ in range(2)]
    shut()
    let_pause_pass()
    claim = factories.claim(engine="gpu")
    execute("UPDATE engines SET probe_job_id = :id", id=claim.job_id)
    assert admitted(jobs[1].id) == 0
    lifecycle.finish(claim, factories.output(claim))
    assert admitted(jobs[1].id, *JOBS) == 1 + len(JOBS)
    assert told[-2:] == ["engine.recovered", "job.completed"]


def test_whatever_ends_a_trial_the_next_one_may_begin(caller: Caller) -> None:
    factories.submit(caller, engine="gpu")
    shut()
    let_pause_pass()
    claim = factories.claim(engine="gpu")
    execute("UPDATE engines SET probe_job_id = :id", id=claim.job_id)
    assert admitted(JOBS[0]) == 0
    lifecycle.hand_back(claim)
    assert admitted(JOBS[0], JOBS[1]) == 1


def test_a_failed_trial_shuts_it_for_longer() -> None:
    shut()
    let_pause_pass()
    fail(JOBS[8])
    [row] = execute("SELECT trips, open_until - now() > interval '50 seconds' AS is_longer FROM engines")
    assert (row.trips, row.is_longer) == (2, True)


def test_failures_at_the_same_moment_are_all_counted() -> None:
    with ThreadPoolExecutor(FAILURES_MAX) as threads:
        list(threads.map(fail, JOBS[:FAILURES_MAX]))
    assert admitted(*JOBS) == 0


def test_a_paused_engine_begins_nothing_until_it_is_resumed() -> None:
    shut()
    with transaction() as session:
        health.pause(session, "gpu", "new drivers")
    let_pause_pass()
    assert admitted(JOBS[0]) == 0
    with transaction() as session:
        health.resume(session, "gpu")
    assert admitted(*JOBS) == len(JOBS)


def test_the_cloud_costs_no_more_a_month_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch, DUOLOGUE_CLOUD_BUDGET_USD="5")
    execute(
        "INSERT INTO upstream_tries (id, job_id, account_id, attempt, fence, upstream_key, model, made_at,"
        " expected_usd, cost_usd, ended_at, outcome)"
        " SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 1, 1, 'key', 'model', now() + made,"
        " expected, cost, ended, outcome FROM (VALUES"
        " (interval '0', 2, 0, NULL::timestamptz, NULL), (interval '0', 3, 2.9, now(), 'completed'),"
        " (interval '0', 9, 0, now(), 'failed'), (interval '-40 days', 9, 9, now(), 'completed'))"
        " AS tries (made, expected, cost, ended, outcome)"
    )
    assert [count(), count()] == [True, False]
    assert admitted(*JOBS, engine="cloud") == len(JOBS)
    execute("UPDATE upstream_tries SET expected_usd = 2.1 WHERE ended_at IS NULL")
    assert count()
    assert admitted(*JOBS, engine="cloud") == 0
    execute("UPDATE engines SET month = month - 1")
    assert admitted(*JOBS, engine="cloud") == len(JOBS), "a new month begins"


def count() -> bool:
    with transaction() as session:
        return health.count_spending(session)
