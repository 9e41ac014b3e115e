"""Promises about batches on their way: paused, resumed, cancelled, retried, expired."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from jobs import batches, history, lifecycle, retention
from jobs.accounts import Caller
from jobs.batches import BatchWish, retrying
from jobs.errors import Conflict, EngineError, LeaseLost
from jobs.rules.batches import PAUSED_UNTIL
from jobs.tables import Batch
from tests import batching, factories, paying
from tests.batching import ASKED
from tests.past import age, execute, let_go
from workers import batching as worker
from workers.chores import tend_batches

pytestmark = pytest.mark.usefixtures("bucket")


def broken() -> list[str]:
    return [found.invariant for found in history.check() if found.verdict == "broken"]


def count_jobs() -> int:
    [[count]] = execute("SELECT count(*) FROM jobs")
    return int(count)


def test_a_paused_batch_begins_nothing_until_it_is_resumed(caller: Caller) -> None:
    batch_id = batching.read(caller, batching.lines(3)).batch.id
    running = factories.claim()
    for _ in range(2):
        assert batches.pause(caller, batch_id).batch.paused_at is not None
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    lifecycle.hand_back(running)  # it comes back while the batch is paused
    assert tend_batches.run_once() == 1
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    for _ in range(2):
        assert batches.resume(caller, batch_id).batch.paused_at is None
    batching.complete(3)
    assert broken() == []


def test_a_batch_paused_before_it_is_open_opens_paused(caller: Caller) -> None:
    batch, _ = batches.create_from_array(caller, ASKED, batching.lines(2))
    batches.pause(caller, batch.id)
    worker.read_all()
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    batches.resume(caller, batch.id)
    batching.complete(2)


def test_a_cancelled_batch_stops_what_waits_and_tells_what_runs(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying.render_for_money(monkeypatch)
    batch_id = batching.read(caller, batching.lines(4), BatchWish(options={"engine": "gpu"})).batch.id
    batching.complete(1, engine="gpu")
    running = factories.claim(engine="gpu")
    for _ in range(2):
        assert batches.cancel(caller, batch_id).batch.status == "cancelling"
    assert lifecycle.claim("worker-1", "gpu") is None, "from the first word on nothing begins"
    tend_batches.run_once()
    assert lifecycle.renew(running, "rendering", 0.5) == "cancelled"
    assert worker.close_all() == 0
    lifecycle.confirm_cancel(running)
    assert worker.close_all() == 1
    seen = batches.seen(caller, batch_id)
    assert (seen.batch.status, seen.states) == ("cancelled", {"cancelled": 3, "completed": 1})
    with pytest.raises(Conflict):
        batches.pause(caller, batch_id)
    assert broken() == []


def test_what_comes_back_to_a_paused_batch_is_held_back_while_another_is_being_cancelled(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, large = (batching.read(caller, batching.lines(count)).batch.id for count in (1, 3))
    running = factories.claim()
    batches.pause(caller, paused)
    batches.cancel(caller, large)
    monkeypatch.setattr("jobs.batches.steering.STEP", 1)
    carry_out, held = batches.carry_out_cancels, list[bool]()

    def a_round() -> int:
        if not held:
            lifecycle.hand_back(running)  # once it has begun
        done = carry_out()
        held.append(batches.jobs_of(caller, paused)[0].due_at == PAUSED_UNTIL)
        return done

    monkeypatch.setattr(batches, "carry_out_cancels", a_round)
    tend_batches.run_once()
    assert held == [False, True, True, True]
    assert lifecycle.claim("worker-1", factories.ENGINE) is None


def test_a_batch_cancelled_while_it_is_read_never_opens(caller: Caller) -> None:
    batch, _ = batches.create_from_array(caller, ASKED, batching.lines(2))
    reader = batches.take_unread(is_probing=False)
    assert reader is not None
    assert batches.cancel(caller, batch.id).batch.status == "cancelled"
    with pytest.raises(LeaseLost):
        batches.renew(reader, 1)
    assert (worker.read_all(), count_jobs()) == (0, 0)


def test_failed_jobs_are_ordered_once_more_and_name_the_old_ones(caller: Caller) -> None:
    batch_id = batching.read(caller, batching.lines(3)).batch.id
    batching.complete(1)
    with pytest.raises(Conflict, match="once it is final"):
        batches.retry(caller, batch_id)
    for _ in range(2):
        lifecycle.stumble(factories.claim(), EngineError("broken", permanent=True))
    worker.close_all()
    again, is_new = batches.retry(caller, batch_id, "again")
    assert is_new
    worker.read_all()
    jobs, old = batches.jobs_of(caller, again.id), batches.jobs_of(caller, batch_id)
    assert [(job.custom_id, job.batch_line, job.rerun_of) for job in jobs] == [
        ("row-2", 2, old[1].id),
        ("row-3", 3, old[2].id),
    ]
    same, is_new = batches.retry(caller, batch_id, "again")
    assert (same.id, is_new) == (again.id, False)
    batching.complete(2)
    worker.close_all()
    with pytest.raises(Conflict, match="None of its jobs failed"):
        batches.retry(caller, again.id)
    assert broken() == []


def failing(count: int = 1, engine: str = factories.ENGINE) -> None:
    for _ in range(count):
        lifecycle.stumble(factories.claim(engine=engine), EngineError("broken", permanent=True))


def retried(caller: Caller, batch_id: uuid.UUID) -> Batch:
    worker.close_all()
    batch_id = batches.retry(caller, batch_id)[0].id
    worker.read_all()
    return batches.batch(caller, batch_id)


def test_a_retry_orders_nothing_that_another_has_completed_or_may_yet(caller: Caller) -> None:
    first = batching.read(caller, batching.lines(2)).batch
    failing(2)
    second = retried(caller, first.id)
    with pytest.raises(Conflict, match="have been run again"):
        batches.retry(caller, first.id)
    batching.complete(1)
    failing(1)
    third = retried(caller, first.id)
    assert [job.custom_id for job in batches.jobs_of(caller, third.id)] == ["row-2"]
    batching.complete(1)
    for old in (first, second):
        with pytest.raises(Conflict, match="have been run again"):
            batches.retry(caller, old.id)


def test_who_asks_for_a_retry_twice_gets_one(caller: Caller) -> None:
    first = batching.read(caller, batching.lines(1)).batch
    failing()
    worker.close_all()
    again, _ = batches.retry(caller, first.id)
    with pytest.raises(Conflict, match=again.id.hex):
        batches.retry(caller, first.id)


def test_retries_of_a_batch_and_of_its_retry_are_made_one_at_a_time(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = batching.read(caller, batching.lines(1)).batch
    failing()
    second = retried(caller, first.id)
    failing()
    worker.close_all()
    both, left_usd = threading.Barrier(2, timeout=1), retrying.left_usd

    def together(session: Session, old: Batch) -> Decimal | None:
        with suppress(threading.BrokenBarrierError):
            both.wait()
        return left_usd(session, old)

    monkeypatch.setattr(retrying, "left_usd", together)
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(batches.retry, caller, one.id) for one in (first, second)]
    [refused] = [error for one in asked if (error := one.exception()) is not None]
    [again] = [one.result()[0] for one in asked if one.exception() is None]
    assert isinstance(refused, Conflict)
    assert again.id.hex in str(refused)


def test_all_retries_of_a_batch_together_spend_no_more_than_its_budget(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying.render_for_money(monkeypatch)
    wish = BatchWish(options={"engine": "gpu"}, budget_usd=Decimal("0.80"), deadline_seconds=3600)
    first = batching.read(caller, batching.lines(3), wish).batch  # 0.15 each
    batching.complete(1, "gpu")
    failing(2, "gpu")
    second = retried(caller, first.id)
    assert (second.budget_usd, second.expires_at) == (Decimal("0.65"), second.created_at + timedelta(hours=1))
    batching.complete(1, "gpu")
    failing(1, "gpu")
    third = retried(caller, second.id)
    assert third.budget_usd == Decimal("0.50")
    failing(1, "gpu")
    assert retried(caller, first.id).budget_usd == Decimal("0.50"), "the third is over, and spent nothing"


def test_jobs_of_a_retry_have_as_long_as_its_batch_however_late_the_first_was_read(caller: Caller) -> None:
    first, _ = batches.create_from_array(caller, BatchWish(deadline_seconds=3600), batching.lines(1))
    execute("UPDATE batches SET created_at = created_at - interval '50 min', expires_at = now() + interval '10 min'")
    worker.read_all()
    failing()
    again = retried(caller, first.id)
    [job] = batches.jobs_of(caller, again.id)
    assert job.wait_until == job.finish_until == again.expires_at


def test_what_was_done_long_before_its_batch_ends_is_in_its_files_and_can_be_ordered_once_more(caller: Caller) -> None:
    batch_id = batching.read(caller, batching.lines(3)).batch.id
    batching.complete(1)
    lifecycle.stumble(factories.claim(), EngineError("broken", permanent=True))
    age(days=8)
    assert let_go() == []
    batching.complete(1)
    worker.close_all()
    assert let_go() == [], "its files are there just now"
    batch = batches.batch(caller, batch_id)
    assert len(batching.file_of(batch, "manifest.csv").splitlines()) == 1 + 3
    again, _ = batches.retry(caller, batch_id)
    worker.read_all()
    assert batches.batch(caller, again.id).jobs == 1


def test_jobs_of_a_batch_leave_with_it_or_on_their_owners_word(caller: Caller) -> None:
    batch_id = batching.read(caller, batching.lines(2)).batch.id
    batching.complete(2)
    first, second = batches.jobs_of(caller, batch_id)
    retention.delete_jobs(caller, [first.id])
    assert let_go() == [first.id]
    worker.close_all()
    age(days=8)
    execute("UPDATE batches SET finished_at = finished_at - interval '8 days'")
    assert let_go() == [first.id, second.id]


def test_a_batch_past_its_deadline_is_expired(caller: Caller) -> None:
    batch_id = batching.read(caller, batching.lines(2), BatchWish(deadline_seconds=600)).batch.id
    jobs = batches.jobs_of(caller, batch_id)
    expires_at = batches.batch(caller, batch_id).expires_at
    assert expires_at is not None
    assert {job.wait_until for job in jobs} == {job.finish_until for job in jobs} == {expires_at}
    batching.complete(1)
    execute("UPDATE jobs SET finish_until = now() - interval '1 s' WHERE status = 'waiting'")
    execute("UPDATE batches SET expires_at = now() - interval '1 s'")
    assert lifecycle.expire() == 1
    worker.close_all()
    assert batches.seen(caller, batch_id).batch.status == "expired"
