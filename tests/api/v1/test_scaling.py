"""Promises about the numbers that an autoscaler reads."""

from typing import Any

from starlette.testclient import TestClient

from jobs import levels, lifecycle, presence
from tests import factories, past, paying
from tests.conftest import Member


def asked(client: TestClient, member: Member) -> Any:  # noqa: ANN401 - JSON
    levels.forget()
    answer = client.get("/v1/scaling", headers=member.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_empty_house_answers_with_zeros_for_every_engine(client: TestClient, member: Member) -> None:
    said = asked(client, member)
    nothing = {"waiting": 0, "oldest_age_seconds": 0, "running": 0, "unfinished": 0, "work_seconds": 0}
    engines = said.pop("engines")
    assert said == nothing
    assert set(engines) == {"gpu", "cloud", "preview"}
    assert all(one == nothing | {"unprepared": 0, "slots": 0, "workers": 0} for one in engines.values())


def test_what_waits_and_runs_of_all_accounts_is_counted_by_engine(
    client: TestClient, member: Member, stranger: Member
) -> None:
    presence.beat("worker-1", ["preview"], slots=3, version="0")
    for who in (member, member, stranger):
        factories.submit(who.caller)
    factories.claim()
    past.execute("UPDATE jobs SET due_at = now() - interval '90 seconds' WHERE status = 'waiting'")
    said = asked(client, member)
    preview = said["engines"]["preview"]
    assert (preview["waiting"], preview["running"], preview["unfinished"]) == (2, 1, 3)
    assert (preview["slots"], preview["workers"]) == (3, 1)
    assert 90 <= preview["oldest_age_seconds"] < 120
    assert (said["waiting"], said["running"], said["oldest_age_seconds"]) == (2, 1, preview["oldest_age_seconds"])


def test_what_is_prepared_for_the_cloud_asks_for_no_worker(client: TestClient, member: Member) -> None:
    for _ in range(3):
        factories.submit(member.caller)
    past.execute("UPDATE jobs SET engine = 'cloud' WHERE id <> (SELECT max(id::text)::uuid FROM jobs)")
    past.execute("UPDATE jobs SET media = '{}' WHERE id = (SELECT min(id::text)::uuid FROM jobs)")
    engines = asked(client, member)["engines"]
    assert (engines["cloud"]["waiting"], engines["cloud"]["unprepared"]) == (2, 1)
    assert (engines["preview"]["waiting"], engines["preview"]["unprepared"]) == (1, 1)


def test_work_is_what_waits_times_what_a_job_takes(client: TestClient, member: Member) -> None:
    factories.submit(member.caller)
    guessed = asked(client, member)["engines"]["preview"]["work_seconds"]
    claim = factories.claim()
    past.execute("UPDATE jobs SET started_at = now() - interval '40 seconds'")
    lifecycle.finish(claim, factories.output(claim))
    for _ in range(3):
        factories.submit(member.caller)
    assert guessed == 10
    assert 120 <= asked(client, member)["engines"]["preview"]["work_seconds"] < 150


def test_a_job_that_rests_after_a_stumble_wakes_no_worker(client: TestClient, member: Member) -> None:
    factories.submit(member.caller)
    past.execute("UPDATE jobs SET due_at = now() + interval '1 hour'")
    assert asked(client, member)["waiting"] == 0


def test_only_who_may_read_is_told(client: TestClient, member: Member) -> None:
    ordering = paying.with_scopes(member, "submit").headers
    assert client.get("/v1/scaling").status_code == 401
    assert client.get("/v1/scaling", headers=ordering).status_code == 403
