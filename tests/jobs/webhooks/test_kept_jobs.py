"""Promises about webhooks of jobs whose time is over: what can be told is told, and nothing else is said to be."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from jobs import clock, listing, retention, webhooks
from jobs.accounts import Caller
from jobs.database import engine
from jobs.errors import Conflict
from jobs.retention import archiving
from jobs.tables import Delivery
from tests.conftest import Member
from tests.past import age, execute, let_go
from tests.workers.couriers import completed, deliveries

URL = "https://hooks.example.com/a"


def test_a_job_owed_to_a_paused_endpoint_stays_for_as_long_as_the_log(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=["job.completed"])
    webhooks.pause(caller, endpoint.id)
    job = completed(caller)
    age(days=10)
    execute("UPDATE deliveries SET owed_since = now() - interval '10 days'")
    assert let_go() == []
    execute("UPDATE deliveries SET owed_since = now() - interval '30.1 days'")
    assert let_go() == [job.id]


def test_what_stays_for_a_paused_endpoint_is_passed_over_once_however_many_others_leave(
    caller: Caller, stranger: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archiving, "BATCH", 1)
    webhooks.pause(caller, webhooks.register(caller, url=URL, kinds=["job.completed"]).id)
    kept = completed(caller)
    over = {completed(stranger.caller).id for _ in range(3)}
    age(days=10)
    execute("UPDATE deliveries SET owed_since = now() - interval '10 days'")
    asked: list[bool] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("UPDATE jobs") and "deleted_at IS NOT NULL" not in statement:
            asked.append("jobs.finished_at >=" in statement)

    event.listen(engine(), "before_cursor_execute", note)
    let_go_of = retention.let_go()
    event.remove(engine(), "before_cursor_execute", note)
    assert let_go_of == len(over)
    assert asked == [False, True, True, True], "each goes on where the last one ended"
    assert listing.job(caller, kept.id).objects_removed_at is None


def test_what_can_no_longer_be_told_is_not_sent_again(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=["job.completed"])
    kept, gone = completed(caller), completed(caller)
    [of_gone] = deliveries(Delivery.job_id == gone.id)
    execute("UPDATE deliveries SET status = 'given_up', settled_at = now()")
    retention.delete_jobs(caller, [gone.id])
    with pytest.raises(Conflict, match="no longer kept"):
        webhooks.resend(caller, of_gone.id)
    assert webhooks.replay(caller, endpoint.id, clock.now() - timedelta(days=1)) == 1
    assert [one.job_id for one in deliveries(Delivery.status == "owed")] == [kept.id]
