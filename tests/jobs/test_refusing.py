"""Promises about keys that the upstream refuses: no job stops a key for the others, and none sticks to a dead key."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

import pytest

from jobs import upstream
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.lifecycle import forwarding, refusing
from jobs.lifecycle.forwarding import Sending
from jobs.rules.tiers import key_name
from jobs.tables import Job
from tests import routed
from tests.past import execute

PAUSE_SECONDS = 300.0
Refuses = Callable[[Sending], HTTPStatus | None]


def prepared(caller: Caller) -> uuid.UUID:
    return routed.prepared(caller).id


def send(refuses: Refuses) -> list[Sending]:
    """Send what may be sent now, to an upstream that refuses some of it."""
    sent = forwarding.forward(upstream.configured(), 9)
    for one in sent:
        if status := refuses(one):
            error = EngineError("WaveSpeed refuses the key", permanent=False, error_class="provider_busy")
            refusing.key_refused(one.try_id, error, status, PAUSE_SECONDS)
        else:
            forwarding.accepted({one.try_id: uuid.uuid4().hex})
    return sent


def pass_minutes(count: int) -> None:
    for statement in (
        "UPDATE jobs SET due_at = due_at - :s",
        "UPDATE upstream_keys SET closed_until = closed_until - :s, paced_until = paced_until - :s",
        "UPDATE upstream_tries SET accepted_at = accepted_at - :s, ended_at = ended_at - :s",
    ):
        execute(statement, s=timedelta(minutes=count))


def job_of(job_id: uuid.UUID) -> Job:
    with transaction() as session:
        return session.get_one(Job, job_id)


@pytest.mark.parametrize("status", [HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN])
def test_a_job_that_no_key_may_do_is_given_up_and_keeps_no_other_waiting(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, status: HTTPStatus
) -> None:
    routed.configure(monkeypatch, DUOLOGUE_WAVESPEED_API_KEYS="made-up:1/100")
    barred, other = prepared(caller), prepared(caller)

    sent = []
    for _ in range(50):
        sent += send(lambda one: status if one.job_id == barred else None)
        pass_minutes(2)
        if other in {one.job_id for one in sent[-1:]}:
            other = prepared(caller)
    assert len(sent) > 40
    assert (job_of(barred).status, [one.job_id for one in sent].count(barred)) == ("failed", 6)
    assert "given up after 5 attempts" in job_of(barred).error


def test_a_job_that_another_key_may_do_waits_for_that_one(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch, DUOLOGUE_WAVESPEED_API_KEYS="narrow:600/2000,full:5/1")
    prepared(caller)
    [busy] = forwarding.forward([upstream.configured()[1]], 1)
    forwarding.accepted({busy.try_id: uuid.uuid4().hex})
    barred = prepared(caller)

    for _ in range(60):
        prepared(caller)
        send(lambda one: HTTPStatus.FORBIDDEN if one.job_id == barred else None)
        pass_minutes(2)
    assert job_of(barred).status == "waiting"


def test_a_key_that_is_in_use_is_not_stopped_by_one_job_it_may_not_do(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed.configure(monkeypatch)
    prepared(caller)
    send(lambda _: None)
    prepared(caller)
    send(lambda _: HTTPStatus.FORBIDDEN)
    prepared(caller)

    assert len(send(lambda _: None)) == 1


def test_a_job_that_a_dead_key_refused_goes_to_another_at_once(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch, DUOLOGUE_WAVESPEED_API_KEYS="dead:silver,good:silver")
    jobs = {prepared(caller) for _ in range(4)}

    def refuses(one: Sending) -> HTTPStatus | None:
        return HTTPStatus.UNAUTHORIZED if one.upstream_key == key_name("dead") else None

    sent = send(refuses) + send(refuses)
    assert {one.job_id for one in sent if not refuses(one)} == jobs
    assert all(job_of(job).attempt == 1 for job in jobs)

    pass_minutes(10)
    prepared(caller)
    assert [one.upstream_key for one in send(refuses)] == [key_name("good")], "the dead one is always empty"


def test_while_the_only_key_is_refused_jobs_wait_and_lose_no_attempt(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    routed.configure(monkeypatch)
    jobs = [prepared(caller) for _ in range(3)]
    for _ in range(12):
        send(lambda _: HTTPStatus.PAYMENT_REQUIRED)
        pass_minutes(5)

    assert {(job_of(job).status, job_of(job).attempt) for job in jobs} == {("waiting", 0)}
