from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, update

from jobs import lifecycle, listing, presence
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError, LeaseLost
from jobs.lifecycle import watching
from jobs.tables import Job
from tests import conftest, factories

if TYPE_CHECKING:
    from sqlalchemy.orm import InstrumentedAttribute


def put(
    job: Job, column: "InstrumentedAttribute[object] | InstrumentedAttribute[object | None]", seconds_ago: float = 0.05
) -> None:
    """Let the instant of `column` have passed."""
    past = func.now() - timedelta(seconds=seconds_ago)
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values({column: past}))


@pytest.fixture
def lose_worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[Job], None]:
    """Let a job's lease run out, by the rules for leases shorter than this Postgres is old, and have it rescued."""

    def lose(job: Job) -> None:
        put(job, Job.lease_until)
        conftest.set_settings(monkeypatch, {"DUOLOGUE_LEASE_SECONDS": "0.04", "DUOLOGUE_RENEW_SECONDS": "0.01"})
        assert lifecycle.rescue() == 1
        conftest.set_settings(monkeypatch, {"DUOLOGUE_LEASE_SECONDS": "60", "DUOLOGUE_RENEW_SECONDS": "2"})

    return lose


def test_a_job_whose_worker_fell_silent_runs_again(caller: Caller, lose_worker: Callable[[Job], None]) -> None:
    job = factories.submit(caller)
    lost = factories.claim()
    lose_worker(job)
    again = factories.claim("worker-2")
    assert (again.job_id, again.fence, again.attempt) == (job.id, 2, 2)
    with pytest.raises(LeaseLost):
        lifecycle.finish(lost, factories.output(lost))


def test_a_live_lease_is_left_alone(caller: Caller) -> None:
    factories.submit(caller)
    factories.claim()
    assert lifecycle.rescue() == 0


def test_a_job_that_takes_its_worker_down_twice_is_set_aside(
    caller: Caller, lose_worker: Callable[[Job], None]
) -> None:
    job = factories.submit(caller)
    for _ in range(2):
        factories.claim()
        lose_worker(job)
    found = listing.job(caller, job.id)
    assert (found.status, found.error_class, found.error_code) == ("failed", "worker_lost", 1405)
    assert "2 workers" in found.error


@pytest.mark.parametrize("count", [3, watching.BATCH + 1])
def test_jobs_beside_one_that_takes_workers_down_are_not_set_aside_with_it(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    jobs = [factories.submit(caller) for _ in range(count)]
    for _ in range(2):
        for _job in jobs:
            factories.claim()
        for job in jobs:
            put(job, Job.lease_until)
        with monkeypatch.context() as short:
            conftest.set_settings(short, {"DUOLOGUE_LEASE_SECONDS": "0.04", "DUOLOGUE_RENEW_SECONDS": "0.01"})
            assert lifecycle.rescue() == count
        for job in jobs:
            put(job, Job.due_at)
    found = [listing.job(caller, job.id) for job in jobs]
    assert {(job.status, job.workers_lost, job.attempt) for job in found} == {("waiting", 0, 2)}


def test_what_a_silent_worker_held_is_taken_back_together(caller: Caller) -> None:
    first, second = (factories.submit(caller) for _ in range(2))
    for _ in (first, second):
        factories.claim()
    put(first, Job.lease_until)
    put(second, Job.lease_until, seconds_ago=-2)  # of a minute: nobody renews it any more
    assert lifecycle.rescue() == 0
    put(second, Job.lease_until)
    assert lifecycle.rescue() == 2


def test_a_lease_that_ran_out_beside_one_that_is_renewed_is_not_waited_for(caller: Caller) -> None:
    first, second = (factories.submit(caller) for _ in range(2))
    for _ in (first, second):
        factories.claim()
    put(first, Job.lease_until)
    put(second, Job.lease_until, seconds_ago=-58)
    assert lifecycle.rescue() == 1


def test_a_cancel_of_a_silent_holder_is_confirmed_when_its_lease_has_run_out(
    caller: Caller, lose_worker: Callable[[Job], None]
) -> None:
    job = factories.submit(caller)
    factories.claim()
    assert lifecycle.cancel(caller, job.id).status == "running"
    lose_worker(job)
    assert listing.job(caller, job.id).status == "cancelled"


@pytest.mark.parametrize(("column", "word"), [(Job.wait_until, "waiting"), (Job.finish_until, "total")])
def test_a_waiting_job_past_a_deadline_fails_and_says_which(caller: Caller, column: object, word: str) -> None:
    job = factories.submit(caller)
    put(job, column)  # type: ignore[arg-type]
    assert lifecycle.expire() == 1
    found = listing.job(caller, job.id)
    assert (found.status, found.error_code, found.error_class) == ("failed", 1405, "deadline")
    assert f"the {word} deadline passed" in found.error
    assert "Sync mode timed out" not in found.error


def test_a_job_that_has_begun_once_no_longer_misses_the_waiting_deadline(caller: Caller) -> None:
    job = factories.submit(caller)
    lifecycle.hand_back(factories.claim())
    put(job, Job.wait_until)
    assert lifecycle.expire() == 0


def test_a_running_job_past_a_deadline_hears_it_from_its_lease(caller: Caller) -> None:
    job = factories.submit(caller, run_seconds=1)
    claim = factories.claim()
    assert lifecycle.renew(claim, "rendering", 0.1) == "good"
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(started_at=func.now() - timedelta(seconds=2)))
    assert lifecycle.renew(claim, "rendering", 0.1) == "overdue"
    lifecycle.overrun(claim)
    assert "the run deadline passed" in listing.job(caller, job.id).error


def test_a_waiting_job_is_cancelled_at_once(caller: Caller) -> None:
    job = factories.submit(caller)
    assert lifecycle.cancel(caller, job.id).status == "cancelled"
    assert lifecycle.claim("worker-1", factories.ENGINE) is None


def test_a_running_job_is_told_and_confirmed_by_its_holder(caller: Caller) -> None:
    job = factories.submit(caller)
    claim = factories.claim()
    assert lifecycle.cancel(caller, job.id).status == "running"
    assert lifecycle.cancel(caller, job.id).status == "running"
    assert lifecycle.renew(claim, "rendering", 0.1) == "cancelled"
    lifecycle.confirm_cancel(claim)
    kinds = [event.kind for event in listing.timeline(listing.job(caller, job.id))]
    assert kinds == ["job.created", "job.claimed", "job.cancel_requested", "job.cancelled"]


def test_due_jobs_are_counted_by_engine_once_the_first_ring_had_its_chance(caller: Caller) -> None:
    job = factories.submit(caller)
    assert lifecycle.due("preview") == 0
    put(job, Job.due_at, seconds_ago=2)
    assert (lifecycle.due("preview"), lifecycle.due("gpu")) == (1, 0)


def test_a_cancel_accepted_while_an_attempt_stumbles_is_not_lost(caller: Caller) -> None:
    job = factories.submit(caller)
    claim = factories.claim()
    lifecycle.cancel(caller, job.id)
    lifecycle.stumble(claim, EngineError("went wrong", permanent=False))
    assert listing.job(caller, job.id).status == "cancelled"


def test_a_holder_that_still_beats_has_not_been_taken_down(caller: Caller) -> None:
    job = factories.submit(caller)
    for _ in range(3):
        factories.claim()
        put(job, Job.lease_until)
        presence.beat("worker-1", ["preview"], slots=1, version="0")
        assert lifecycle.rescue() == 1
    found = listing.job(caller, job.id)
    assert (found.status, found.workers_lost, found.attempt) == ("waiting", 0, 0)


def test_a_job_past_its_deadline_is_not_begun(caller: Caller) -> None:
    job = factories.submit(caller)
    put(job, Job.finish_until)
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
