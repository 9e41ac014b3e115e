"""Promises about what is counted of all that happens: everything once, whoever is in the middle of what."""

import threading
from collections.abc import Mapping

import pytest

from jobs import counting, lifecycle, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError, MediaError
from jobs.submission import Wish
from tests import factories, past, paying

Counted = Mapping[str, Mapping[tuple[str, ...], float]]


def counted() -> Counted:
    """All that has happened so far; it takes a turn to see how far to count."""
    for _ in range(2):
        counting.turn()
    return counting.counted()


def test_jobs_are_counted_from_their_order_to_their_end(caller: Caller) -> None:
    past.completed(caller)
    factories.submit(caller)
    lifecycle.stumble(factories.claim(), MediaError("image", "it is no picture"))
    waiting = factories.submit(caller)
    lifecycle.cancel(caller, waiting.id)
    found = counted()
    job = (factories.MULTI, "preview")
    assert found["jobs.created"] == {job: 3}
    assert found["jobs.finished"] == {
        (*job, "completed", ""): 1,
        (*job, "failed", "input"): 1,
        (*job, "cancelled", ""): 1,
    }
    assert found["attempts"] == {("completed",): 1, ("input",): 1}
    assert found["engine.requests"] == {("preview", "completed"): 1}


def test_nothing_is_counted_twice(caller: Caller) -> None:
    past.completed(caller)
    once = counted()
    past.completed(caller)
    assert counted()["jobs.created"] == {(factories.MULTI, "preview"): 2}
    assert once["jobs.created"] == {(factories.MULTI, "preview"): 1}


def test_what_is_committed_late_is_counted_all_the_same(caller: Caller) -> None:
    """An order whose event has the lower number is still under way while a later one is there already."""
    written, go_on = threading.Event(), threading.Event()

    def order_slowly() -> None:
        with transaction() as session:
            session.connection().exec_driver_sql(
                "INSERT INTO events (account_id, job_id, kind, status, attempt, fence)"
                " SELECT account_id, id, 'job.rescued', 'waiting', 1, 1 FROM jobs"
            )
            written.set()
            assert go_on.wait(20)

    factories.submit(caller)
    slow = threading.Thread(target=order_slowly)
    slow.start()
    assert written.wait(20)
    factories.submit(caller)
    for _ in range(3):
        counting.turn()
    before = counting.counted().get("jobs.created", {})
    go_on.set()
    slow.join()
    found = counted()
    assert before.get((factories.MULTI, "preview"), 0) <= 1
    assert (found["jobs.created"], found["rescues"]) == ({(factories.MULTI, "preview"): 2}, {(): 1})


def test_many_who_count_at_once_count_everything_once(caller: Caller) -> None:
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    for _ in range(20):
        submission.submit(caller, wish)
    counting.turn()
    turns = [threading.Thread(target=counting.turn) for _ in range(4)]
    for one in turns:
        one.start()
    for one in turns:
        one.join()
    assert counted()["jobs.created"] == {(factories.MULTI, "preview"): 20}


def test_times_fall_into_buckets_and_add_up(caller: Caller) -> None:
    past.completed(caller)
    past.execute("UPDATE jobs SET created_at = created_at - interval '70 seconds'")
    past.execute("UPDATE events SET at = at - interval '20 seconds' WHERE kind = 'job.claimed'")
    found = counted()
    assert found["job.wait"] == {("preview", "60.0"): 1}
    assert found["job.total"] == {("preview", "120.0"): 1}
    assert found["job.run"] == {("preview", "30.0"): 1}
    assert found["job.factor"] == {("preview", "0.5"): 1}
    assert 50 <= found["job.wait.sum"]["preview",] < 60
    assert found["job.factor.sum"] == {("preview",): pytest.approx(0.3085)}


def test_engines_answer_for_what_is_theirs_and_money_for_what_was_paid(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying.render_for_money(monkeypatch)
    monkeypatch.setenv("DUOLOGUE_GPU_USD_PER_HOUR", "36000")
    paying.paid(caller)
    paying.failed(caller, EngineError("it broke", permanent=True))
    found = counted()
    assert found["engine.requests"] == {("gpu", "completed"): 1, ("gpu", "engine"): 1}
    assert found["cost"]["gpu", "price"] == pytest.approx(float(paying.PRICE_USD))


def test_a_lost_lease_and_a_rescue_are_counted(caller: Caller) -> None:
    factories.submit(caller)
    factories.claim()
    past.execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
    lifecycle.rescue()
    found = counted()
    assert (found["leases.lost"], found["rescues"], found["attempts"]) == ({(): 1}, {(): 1}, {("worker_lost",): 1})
