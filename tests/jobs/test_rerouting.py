"""Promises about jobs that go from one engine to another."""

from collections.abc import Callable
from typing import Any

import pytest

from jobs import dispatch, lifecycle, listing, outlook, terms
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError, MediaError
from jobs.rules.breaker import FAILURES_MAX
from jobs.rules.retries import PROFILE_MAX
from jobs.tables import Job
from tests import factories, routed
from tests.past import execute

TIGHT = EngineError("there was too little memory", permanent=False, error_class="out_of_memory")


@pytest.fixture(autouse=True)
def _both(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)
    routed.staff()


@pytest.fixture
def lose_worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let every lease run out, by the rules for leases shorter than this Postgres is old, and rescue the jobs."""

    def lose() -> None:
        execute("UPDATE jobs SET lease_until = now() - interval '0.05 seconds' WHERE status = 'running'")
        quick = {"DUOLOGUE_LEASE_SECONDS": "0.04", "DUOLOGUE_RENEW_SECONDS": "0.01"}
        routed.configure(monkeypatch, **quick)
        assert lifecycle.rescue() == 1
        routed.configure(monkeypatch, DUOLOGUE_LEASE_SECONDS="60", DUOLOGUE_RENEW_SECONDS="2")

    return lose


def stumble(error: EngineError | MediaError, engine: str = "gpu") -> None:
    dispatch.forget()
    lifecycle.stumble(factories.claim(engine=engine), error)


def shown(caller: Caller, job: Job) -> tuple[str, str, int, int]:
    found = listing.job(caller, job.id)
    return found.status, found.engine, found.profile, found.workers_lost


def last(caller: Caller, job: Job) -> Any:  # noqa: ANN401 - an event's detail
    return listing.timeline(listing.job(caller, job.id))[-1].detail


def shut(engine: str) -> None:
    execute(
        "INSERT INTO engines (name, open_until, trips, because)"
        " VALUES (:name, now() + interval '1 hour', 1, 'it broke')"
        " ON CONFLICT (name) DO UPDATE SET open_until = excluded.open_until, because = excluded.because",
        name=engine,
    )
    dispatch.forget()


def test_a_job_too_big_for_the_smallest_profile_goes_to_the_cloud(caller: Caller) -> None:
    job = factories.submit(caller)
    for _ in range(PROFILE_MAX):
        stumble(TIGHT)
        assert shown(caller, job)[1] == "gpu"
    stumble(TIGHT)
    assert shown(caller, job) == ("waiting", "cloud", 0, 0)
    told = last(caller, job)
    assert (told["from_engine"], told["to_engine"], told["pause_seconds"]) == ("gpu", "cloud", 0)
    assert told["why"] == "auto: cloud, because it ran out of memory on gpu with the smallest profile too"
    assert listing.job(caller, job.id).engine_reason == told["why"]


def test_a_job_that_was_asked_for_on_gpu_fails_there(caller: Caller) -> None:
    job = factories.submit(caller, engine="gpu")
    for _ in range(PROFILE_MAX + 1):
        stumble(TIGHT)
    assert shown(caller, job)[:2] == ("failed", "gpu")


def test_a_job_of_an_account_without_the_cloud_fails_on_gpu(caller: Caller) -> None:
    job = factories.submit(caller)
    with transaction() as session:
        terms.change(session, terms.of(session, caller.account_id), {"engines": ["gpu"]})
    for _ in range(PROFILE_MAX + 1):
        stumble(TIGHT)
    assert shown(caller, job)[:2] == ("failed", "gpu")


def test_a_job_that_takes_two_workers_down_goes_to_the_cloud_and_not_back(
    caller: Caller, lose_worker: Callable[[], None]
) -> None:
    job = factories.submit(caller)
    factories.claim(engine="gpu")
    lose_worker()
    assert shown(caller, job) == ("waiting", "gpu", 0, 1)
    factories.claim(engine="gpu")
    lose_worker()
    assert shown(caller, job) == ("waiting", "cloud", 0, 0)
    assert (last(caller, job)["workers_lost"], last(caller, job)["to_engine"]) == (2, "cloud")
    shut("cloud")
    stumble(EngineError("the upstream failed", permanent=False, error_class="provider_failed"), "cloud")
    assert shown(caller, job)[:2] == ("waiting", "cloud")


def test_a_job_that_stumbles_over_a_shut_cloud_goes_to_a_gpu(caller: Caller) -> None:
    execute("INSERT INTO engines (name, paused_at) VALUES ('gpu', now())")
    dispatch.forget()
    job = factories.submit(caller)
    execute("UPDATE engines SET paused_at = NULL")
    away = EngineError("the upstream is away", permanent=False, error_class="provider_away")
    stumble(away, "cloud")
    assert shown(caller, job)[1] == "cloud", "one failure shuts nothing"
    shut("cloud")
    execute("UPDATE jobs SET due_at = now()")
    stumble(away, "cloud")
    assert shown(caller, job)[:2] == ("waiting", "gpu")
    assert last(caller, job)["why"] == "auto: gpu, because cloud is shut for a while: it broke"


def test_what_no_engine_could_mend_moves_no_job(caller: Caller) -> None:
    job = factories.submit(caller)
    claim = factories.claim(engine="gpu")
    shut("gpu")
    lifecycle.stumble(claim, MediaError("image", "could not be fetched", permanent=False))
    assert shown(caller, job)[:2] == ("waiting", "gpu")


def test_engines_that_fail_job_after_job_are_left_alone_until_they_do_one_well(caller: Caller) -> None:
    jobs = [factories.submit(caller) for _ in range(FAILURES_MAX + 1)]
    for claim in [factories.claim(engine="gpu") for _ in range(FAILURES_MAX)]:
        lifecycle.stumble(claim, EngineError("no such device", permanent=False))
    dispatch.forget()
    assert factories.submit(caller).engine == "cloud"
    assert shown(caller, jobs[-1])[:2] == ("waiting", "gpu")
    assert lifecycle.claim("worker-1", "gpu") is None, "nothing begins on an engine that is shut"
    execute("UPDATE engines SET open_until = now()")
    done = factories.claim(engine="gpu")
    assert lifecycle.claim("worker-2", "gpu") is None, "it is tried with one job at a time"
    lifecycle.finish(done, factories.output(done))
    dispatch.forget()
    assert factories.submit(caller).engine == "gpu"


def test_what_waits_for_an_engine_in_trouble_is_moved_and_what_was_wished_for_is_not(caller: Caller) -> None:
    job, wished = factories.submit(caller), factories.submit(caller, engine="gpu")
    dispatch.forget()
    assert lifecycle.move_waiting() == 0
    shut("gpu")
    assert lifecycle.move_waiting() == 1
    assert (shown(caller, job)[1], shown(caller, wished)[1]) == ("cloud", "gpu")
    event = listing.timeline(listing.job(caller, job.id))[-1]
    assert (event.kind, event.status, event.detail["to_engine"]) == ("job.rerouted", "waiting", "cloud")
    execute("DELETE FROM engines")
    shut("cloud")
    assert lifecycle.move_waiting() == 1
    assert shown(caller, job)[1] == "gpu"


def test_a_job_says_that_its_engine_is_in_trouble(caller: Caller) -> None:
    job = factories.submit(caller, engine="gpu")
    shut("gpu")
    said = outlook.of(listing.job(caller, job.id)).why_waiting
    assert said == "It waits, because gpu is shut for a while: it broke."


def test_a_restart_of_the_workers_moves_nothing_that_can_wait(caller: Caller) -> None:
    job = factories.submit(caller)
    execute("DELETE FROM workers WHERE 'gpu' = ANY(engines)")
    dispatch.forget()
    assert lifecycle.move_waiting() == 0
    execute("UPDATE jobs SET due_at = now() - interval '11 minutes'")
    assert lifecycle.move_waiting() == 1
    assert shown(caller, job)[1] == "cloud"


def test_the_last_in_a_line_that_is_far_too_long_go_to_the_cloud(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [factories.submit(caller) for _ in range(3)] + [factories.submit(caller, priority=9)]
    routed.configure(monkeypatch, DUOLOGUE_ROUTE_WAIT_SECONDS="150")  # twice that is a round of 300 s for each place
    assert lifecycle.move_waiting() == 2
    assert [shown(caller, job)[1] for job in jobs] == ["gpu", "cloud", "cloud", "gpu"]


def test_what_is_at_the_upstream_is_not_moved(caller: Caller) -> None:
    execute("INSERT INTO engines (name, paused_at) VALUES ('gpu', now())")
    dispatch.forget()
    job = factories.submit(caller)
    assert job.engine == "cloud"
    execute(
        "INSERT INTO upstream_tries (id, job_id, account_id, attempt, fence, upstream_key, model, ended_at, outcome)"
        " SELECT gen_random_uuid(), id, account_id, 1, 1, :name, model, now(), 'completed' FROM jobs",
        name=routed.KEY_NAME,
    )
    execute("DELETE FROM engines")
    shut("cloud")
    assert lifecycle.move_waiting() == 0
    execute("UPDATE upstream_tries SET outcome = 'failed'")
    assert lifecycle.move_waiting() == 1
