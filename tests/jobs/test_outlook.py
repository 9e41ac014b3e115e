from jobs import lifecycle, listing, outlook, presence
from jobs.accounts import Caller
from tests import factories


def test_a_waiting_job_knows_its_place_and_why_it_waits(caller: Caller) -> None:
    jobs = [factories.submit(caller) for _ in range(3)]
    seen = outlook.of(listing.job(caller, jobs[2].id))
    assert seen.queue_position == 3
    assert "No worker with the preview engine" in seen.why_waiting
    assert seen.starts_at is None


def test_times_come_from_what_was_measured(caller: Caller) -> None:
    factories.submit(caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim))
    presence.beat("worker-1", ["preview"], slots=1, version="0")
    job = factories.submit(caller)
    seen = outlook.of(listing.job(caller, job.id))
    assert seen.queue_position == 1
    assert seen.starts_at is not None
    assert seen.ends_at is not None
    assert seen.ends_at >= seen.starts_at


def test_a_finished_job_has_no_outlook(caller: Caller) -> None:
    job = factories.submit(caller)
    lifecycle.cancel(caller, job.id)
    assert outlook.of(listing.job(caller, job.id)) == outlook.Outlook()


def test_a_running_job_says_when_it_will_end_once_it_has_progress(caller: Caller) -> None:
    job = factories.submit(caller)
    claim = factories.claim()
    assert outlook.of(listing.job(caller, job.id)).ends_at is None
    lifecycle.renew(claim, "rendering", 0.5)
    assert outlook.of(listing.job(caller, job.id)).ends_at is not None
