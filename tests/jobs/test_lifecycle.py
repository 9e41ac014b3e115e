from datetime import timedelta

import pytest
from sqlalchemy import func, update

from jobs import lifecycle, listing
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError, LeaseLost, MediaError
from jobs.tables import Job
from tests import factories


def kinds(caller: Caller, job: Job) -> list[str]:
    return [event.kind for event in listing.timeline(listing.job(caller, job.id))]


def make_due(job: Job) -> None:
    with transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(due_at=func.now() - timedelta(seconds=1)))


def test_a_job_is_claimed_finished_and_told_step_by_step(caller: Caller) -> None:
    job = factories.submit(caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim), warnings=("one",), inference_ms=12)
    found = listing.job(caller, job.id)
    assert (found.status, found.attempt, found.fence, found.inference_ms) == ("completed", 1, 1, 12)
    assert found.lease_until is None
    assert found.finished_at is not None
    assert kinds(caller, job) == ["job.created", "job.claimed", "job.completed"]


def test_nothing_is_claimed_twice(caller: Caller) -> None:
    factories.submit(caller)
    factories.claim()
    assert lifecycle.claim("worker-2", factories.ENGINE) is None


def test_only_engines_a_worker_has_are_claimed(caller: Caller) -> None:
    factories.submit(caller)
    assert lifecycle.claim("worker-1", "gpu") is None


def test_higher_priority_goes_first_and_then_the_older(caller: Caller) -> None:
    jobs = [factories.submit(caller, priority=priority) for priority in (0, 0, 5)]
    assert [factories.claim().job_id for _ in jobs] == [jobs[2].id, jobs[0].id, jobs[1].id]


def test_a_stale_fence_can_do_nothing(caller: Caller) -> None:
    factories.submit(caller)
    old = factories.claim()
    lifecycle.hand_back(old)
    new = factories.claim("worker-2")
    for effect in (
        lambda: lifecycle.renew(old, "rendering", 0.5),
        lambda: lifecycle.keep_media(old, {}),
        lambda: lifecycle.finish(old, factories.output(old)),
        lambda: lifecycle.stumble(old, EngineError("late", permanent=True)),
        lambda: lifecycle.hand_back(old),
        lambda: lifecycle.confirm_cancel(old),
    ):
        with pytest.raises(LeaseLost):
            effect()
    lifecycle.finish(new, factories.output(new))


def test_a_temporary_error_backs_off_and_a_permanent_one_fails(caller: Caller) -> None:
    job = factories.submit(caller)
    lifecycle.stumble(factories.claim(), EngineError("went wrong", permanent=False))
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    make_due(job)
    lifecycle.stumble(factories.claim(), MediaError("image", "is a text file"))
    found = listing.job(caller, job.id)
    assert (found.status, found.error, found.error_code, found.error_class) == (
        "failed",
        "image: is a text file",
        1402,
        "input",
    )
    assert kinds(caller, job) == ["job.created", "job.claimed", "job.stumbled", "job.claimed", "job.failed"]


def test_an_error_whose_words_postgres_cannot_keep_whole_is_passing_all_the_same(caller: Caller) -> None:
    job = factories.submit(caller)
    lifecycle.stumble(factories.claim(), EngineError("went\x00 wrong", permanent=False))
    assert listing.timeline(job)[-1].detail["reason"] == "went wrong"


def test_handing_back_uses_no_attempt(caller: Caller) -> None:
    job = factories.submit(caller)
    lifecycle.hand_back(factories.claim())
    assert (listing.job(caller, job.id).attempt, listing.job(caller, job.id).status) == (0, "waiting")
    assert factories.claim().fence == 2


def test_inline_media_stays_out_of_the_row_until_intake_is_through(caller: Caller) -> None:
    job = factories.submit(caller, inputs={"image": "data:image/png;base64,AAAA"})
    assert listing.job(caller, job.id).inputs["image"] == "attachment:image"
    claim = factories.claim()
    assert lifecycle.sources(claim)["image"] == "data:image/png;base64,AAAA"
    lifecycle.keep_media(claim, {"image": {"key": "k"}})
    lifecycle.hand_back(claim)
    assert factories.claim().media == {"image": {"key": "k"}}


def test_a_new_job_knows_its_instants_after_its_transaction(caller: Caller) -> None:
    job = factories.submit(caller, wait_seconds=60, total_seconds=120)
    assert job.created_at + timedelta(seconds=60) == job.wait_until
    assert job.created_at + timedelta(seconds=120) == job.finish_until
