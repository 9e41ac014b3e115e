"""Promises about what is owed: it is as true as the move that caused it, and goes to whoever wants it."""

import pytest

from jobs import journal, lifecycle, outbox, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules.states import State
from jobs.tables import Job
from tests import factories
from tests.conftest import Member
from tests.workers.couriers import completed, deliveries, tries

URL = "https://hooks.example.com/a?token=b"


def test_a_move_that_is_rolled_back_owes_nothing(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=["job.completed"])
    job = factories.submit(caller, webhook_url=URL)
    claim = factories.claim()

    def complete_in_vain() -> None:
        with transaction() as session:
            found = session.get_one(Job, job.id)
            found.lease_until, found.finished_at = None, found.created_at
            journal.move(session, found, State.COMPLETED, "job.completed")
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        complete_in_vain()
    assert deliveries() == []
    lifecycle.finish(claim, factories.output(claim))
    assert [(one.kind, one.status, one.job_id) for one in deliveries()] == [("job.completed", "owed", job.id)] * 2


def test_a_job_without_a_webhook_owes_nothing(caller: Caller) -> None:
    completed(caller)
    assert deliveries() == []


def test_only_ends_are_owed(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=["job.completed", "job.failed", "job.cancelled"])
    factories.submit(caller, webhook_url=URL)
    lifecycle.hand_back(factories.claim())
    factories.claim()
    assert deliveries() == []


def test_another_accounts_endpoint_hears_nothing(caller: Caller, stranger: Member) -> None:
    webhooks.register(stranger.caller, url=URL, kinds=["job.completed"])
    completed(caller)
    assert deliveries() == []


def test_a_deleted_endpoint_is_owed_nothing_and_a_disabled_one_what_a_replay_will_find(caller: Caller) -> None:
    gone = webhooks.register(caller, url=URL, kinds=["job.completed"])
    webhooks.remove(caller, gone.id)
    paused = webhooks.register(caller, url=URL, kinds=["job.completed"])
    webhooks.pause(caller, paused.id)
    completed(caller)
    assert [(one.endpoint_id, one.status) for one in deliveries()] == [(paused.id, "owed")]


def test_an_accounts_own_event_goes_to_those_who_want_it(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=["batch.completed"])
    webhooks.register(caller, url=URL, kinds=["job.completed"])
    with transaction() as session:
        outbox.announce(session, caller.account_id, "batch.completed", {"batch": "b", "jobs": 3})
    [owed] = deliveries()
    assert (owed.endpoint_id, owed.job_id, owed.detail) == (endpoint.id, None, {"batch": "b", "jobs": 3})
    assert tries(owed) == []
