from decimal import Decimal

import pytest

from jobs import batches, health, lifecycle, listing, outlook, presence, terms
from jobs.accounts import Caller
from jobs.database import transaction
from tests import batching, factories, routed


def test_a_waiting_job_knows_its_place_and_why_it_waits(caller: Caller) -> None:
    jobs = [factories.submit(caller) for _ in range(3)]
    seen = outlook.of(listing.job(caller, jobs[2].id))
    assert seen.queue_position == 3
    assert "No worker with the preview engine" in seen.why_waiting
    assert seen.starts is None


def test_times_come_from_what_was_measured(caller: Caller) -> None:
    factories.submit(caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim))
    presence.beat("worker-1", ["preview"], slots=1, version="0")
    job = factories.submit(caller)
    seen = outlook.of(listing.job(caller, job.id))
    assert seen.queue_position == 1
    assert seen.starts is not None
    assert seen.ends is not None
    assert seen.ends.expected >= seen.starts.expected


def test_a_finished_job_has_no_outlook(caller: Caller) -> None:
    job = factories.submit(caller)
    lifecycle.cancel(caller, job.id)
    assert outlook.of(listing.job(caller, job.id)) == outlook.Outlook()


def test_a_running_job_says_when_it_will_end_once_it_has_progress(caller: Caller) -> None:
    job = factories.submit(caller)
    claim = factories.claim()
    assert outlook.of(listing.job(caller, job.id)).ends is None
    lifecycle.renew(claim, "rendering", 0.5)
    assert outlook.of(listing.job(caller, job.id)).ends is not None


def test_a_place_counts_turns_and_not_only_jobs(caller: Caller, other_caller: Caller) -> None:
    jobs = [factories.submit(caller, priority=9) for _ in range(5)]
    factories.claim()
    late = factories.submit(other_caller)
    assert outlook.of(listing.job(other_caller, late.id)).queue_position == 1
    assert outlook.of(listing.job(caller, jobs[1].id)).queue_position == 2


def test_whoever_is_held_up_is_told_by_what(caller: Caller) -> None:
    def why() -> str:
        return outlook.of(listing.job(caller, jobs[1].id)).why_waiting

    jobs = [factories.submit(caller) for _ in range(2)]
    presence.beat("worker-1", ["preview"], slots=2, version="0")
    factories.claim()
    with transaction() as session:
        health.limit(session, "preview", 1)
    assert why() == "1 jobs are under way on preview, which is all that may be at once."
    with transaction() as session:
        terms.change(session, terms.of(session, caller.account_id), {"running_max": 1})
    assert why() == "1 jobs of its account are under way, which is all that may be at once."
    with transaction() as session:
        terms.pause(session, terms.of(session, caller.account_id), "an unpaid bill")
    assert why() == "Its account is paused: an unpaid bill."


def test_a_price_is_a_range_until_the_media_are_read(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)
    job = factories.submit(caller, engine="gpu")
    assert outlook.of(listing.job(caller, job.id)).price_usd == (Decimal("0.15"), Decimal(18))
    claim = factories.claim(engine="gpu")
    lifecycle.keep_media(claim, {name: {"key": "k", "kind": "audio", "seconds": 20.0} for name in claim.model.voices})
    assert outlook.of(listing.job(caller, job.id)).price_usd == (Decimal("0.6"), Decimal("0.6"))


def test_a_batch_ends_with_its_last_job(caller: Caller, bucket: str) -> None:
    factories.submit(caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim))
    presence.beat("worker-1", ["preview"], slots=1, version="0")
    seen = batching.read(
        caller, [factories.line(f"row-{number}", options={"engine": "preview"}) for number in range(3)]
    )
    last = batches.jobs_of(caller, seen.batch.id)[-1]
    end, of_last = outlook.of_batch(seen.batch.id), outlook.of(last).ends
    assert end is not None
    assert of_last is not None
    assert abs((end.expected - of_last.expected).total_seconds()) < 5
    batches.cancel(caller, seen.batch.id)
    assert outlook.of_batch(seen.batch.id) is None
