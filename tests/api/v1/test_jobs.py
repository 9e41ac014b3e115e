"""Promises of our own face: everything asked for is kept, and everything about a job is shown to its owner."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from jobs import lifecycle, presence
from jobs.errors import MediaError
from tests import factories
from tests.api.open_door import wait_for
from tests.api.rendering import VIDEO, complete
from tests.blinking import no_job_is_read
from tests.conftest import Member
from tests.past import execute

JOB: dict[str, Any] = {"model": factories.MULTI, "inputs": factories.form()}


def submit(client: TestClient, member: Member, **changes: object) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=JOB | changes, headers=member.headers)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def show(client: TestClient, member: Member, job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/jobs/{job['id']}", headers=member.headers).json()
    return found


def page(client: TestClient, member: Member, **query: object) -> list[str]:
    answer = client.get("/v1/jobs", params=query, headers=member.headers)
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["jobs"]]


def test_a_new_job_is_a_201_that_says_where_it_is(client: TestClient, member: Member) -> None:
    answer = client.post("/v1/jobs", json=JOB, headers=member.headers)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://127.0.0.1:8000/v1/jobs/{answer.json()['id']}"
    assert answer.json()["status"] == "waiting"


def test_a_job_that_was_taken_is_a_201_though_the_database_goes_away_after_the_commit(
    client: TestClient, member: Member
) -> None:
    with no_job_is_read():
        job = submit(client, member, priority=3, tags=["a"], metadata={"b": 1})
    shown = show(client, member, job)
    assert job == {name: shown[name] for name in job}


def test_all_that_was_asked_for_is_kept(client: TestClient, member: Member) -> None:
    asked = {
        "engine": "preview",
        "priority": -7,
        "deadlines": {"wait_seconds": 60, "run_seconds": 120, "total_seconds": 240},
        "tags": ["a", "b c"],
        "metadata": {"deep": [{"x": None, "big": 10**30, "text": "grüße 🎬"}]},
        "webhook": "https://h.example/cb?a=b",
    }
    job = show(client, member, submit(client, member, **asked))
    assert {name: job[name] for name in ("priority", "tags", "metadata", "webhook")} == {
        name: asked[name] for name in ("priority", "tags", "metadata", "webhook")
    }
    assert (job["engine"], job["engine_wanted"], job["engine_reason"]) == (
        "preview",
        "preview",
        "preview was asked for",
    )
    created, waits, ends = (
        datetime.fromisoformat(text)
        for text in (job["created_at"], job["deadlines"]["wait_until"], job["deadlines"]["finish_until"])
    )
    assert job["deadlines"]["run_seconds"] == 120
    assert abs((waits - created).total_seconds() - 60) < 5
    assert abs((ends - waits).total_seconds() - 180) < 0.001


def test_metadata_may_fill_its_measure_to_the_brim(client: TestClient, member: Member) -> None:
    room = 16 * 1024 - len(json.dumps({"x": ""}))
    assert submit(client, member, metadata={"x": "y" * room})["metadata"]["x"] == "y" * room


def test_a_job_is_shown_from_its_beginning_to_its_end(client: TestClient, member: Member, tmp_path: Path) -> None:
    job = submit(client, member)
    complete(tmp_path)
    shown = show(client, member, job)
    assert (shown["status"], shown["attempts"], shown["progress"], shown["error"]) == ("completed", 1, 1.0, None)
    assert (shown["output"]["bytes"], shown["output"]["width"], shown["output"]["seconds"]) == (len(VIDEO), 896, 4.0)
    assert len(shown["output"]["sha256"]) == 64
    assert httpx.get(shown["output"]["link"]).content == VIDEO
    assert [event["kind"] for event in shown["timeline"]] == ["job.created", "job.claimed", "job.completed"]
    assert [event["status"] for event in shown["timeline"]] == ["waiting", "running", "completed"]


def test_a_timeline_names_no_host_of_ours(client: TestClient, member: Member) -> None:
    job = submit(client, member)
    factories.claim("host-of-ours:77")
    assert "host-of-ours" not in json.dumps(show(client, member, job))


def test_a_failed_job_says_why(client: TestClient, member: Member) -> None:
    job = submit(client, member)
    lifecycle.stumble(factories.claim(), MediaError("image", "it is a page, not a picture"))
    error = show(client, member, job)["error"]
    assert (error["code"], error["error_class"]) == (1402, "input")
    assert error["message"].startswith("image: it is a page")


def test_links_into_our_bucket_are_shown_without_their_signature(client: TestClient, member: Member) -> None:
    form = {"filename": "two.png", "size": 5}
    uploaded = client.post("/api/v3/media/uploads", json=form, headers=member.headers).json()["data"]["download_url"]
    elsewhere = "https://example.com/left.wav?token=mine"
    inputs = factories.form(image=uploaded, left_audio=elsewhere, right_audio="UklGRg==")
    shown = show(client, member, submit(client, member, inputs=inputs))["inputs"]
    assert "X-Amz" in uploaded
    assert shown["image"] == uploaded.partition("?")[0]
    assert shown["left_audio"] == elsewhere
    assert shown["right_audio"] == "sent inside the request"


@pytest.mark.parametrize("url", ["http://[", "https://a:b/", "https://x.example:99999/a"])
def test_a_link_that_cannot_be_read_is_shown_as_it_is(client: TestClient, member: Member, url: str) -> None:
    job = submit(client, member, inputs=factories.form(image=url))
    assert show(client, member, job)["inputs"]["image"] == url


def test_pages_hold_every_job_once_newest_first(client: TestClient, member: Member) -> None:
    submitted = [submit(client, member)["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = client.get("/v1/jobs", params=query, headers=member.headers).json()
        seen += [job["id"] for job in answer["jobs"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == submitted[::-1]


@pytest.mark.parametrize(("name", "days"), [("created_after", 10), ("created_before", -10)])
def test_a_span_of_time_is_looked_for_among_the_ids_of_its_days_alone(
    client: TestClient, member: Member, name: str, days: int
) -> None:
    """All that the account ever ordered lies outside, and is not even read."""
    submit(client, member)
    execute("UPDATE jobs SET created_at = created_at + make_interval(days => :days)", days=days)
    bound = datetime.now(UTC) + timedelta(days=days) * 0.9
    assert page(client, member, **{name: bound.isoformat()}) == []


def test_filters_find_what_they_say(client: TestClient, member: Member) -> None:
    cancelled = submit(client, member, tags=["red", "big"])["id"]
    lifecycle.cancel(member.caller, uuid.UUID(cancelled))
    fast = "wavespeed-ai/infinitetalk-fast"
    inputs = {"image": "https://x.example/a.png", "audio": "https://x.example/a.mp3"}
    waiting = submit(client, member, model=fast, inputs=inputs, tags=["blue"])
    assert page(client, member, status="cancelled") == [cancelled]
    assert page(client, member, status=["cancelled", "waiting"]) == [waiting["id"], cancelled]
    assert page(client, member, model=fast) == [waiting["id"]]
    assert page(client, member, tag="big") == [cancelled]
    assert page(client, member, engine="gpu") == []
    assert page(client, member, created_after=waiting["created_at"]) == [waiting["id"]]
    assert page(client, member, created_before=waiting["created_at"]) == [cancelled]
    assert page(client, member, tag="red", status="waiting") == []


def test_a_job_that_waits_says_where_it_stands_and_why(client: TestClient, member: Member) -> None:
    submit(client, member)
    told = show(client, member, submit(client, member))
    assert told["queue_position"] == 2
    assert "No worker" in told["why_waiting"]
    assert told["estimated_start_at"] is None


def test_times_are_estimated_from_what_was_measured(client: TestClient, member: Member, tmp_path: Path) -> None:
    submit(client, member)
    complete(tmp_path)
    presence.beat("worker-1", ["preview"], slots=1, version="0")
    job = submit(client, member)
    waiting = show(client, member, job)
    assert waiting["estimated_end_at"] >= waiting["estimated_start_at"]
    lifecycle.renew(factories.claim(), "rendering", 0.5)
    running = show(client, member, job)
    assert (running["stage"], running["progress"], running["attempts"]) == ("rendering", 0.5, 1)
    assert (running["queue_position"], running["why_waiting"]) == (None, None)
    assert running["estimated_end_at"]


def test_a_list_stays_light(client: TestClient, member: Member) -> None:
    submit(client, member)
    [job] = client.get("/v1/jobs", headers=member.headers).json()["jobs"]
    assert not {"timeline", "queue_position", "why_waiting"} & set(job)


def test_a_long_poll_answers_as_soon_as_the_state_is_another(client: TestClient, member: Member) -> None:
    job = submit(client, member)
    assert isinstance(client.app, FastAPI)
    hub, begun_at = client.app.state.hub, time.monotonic()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(client.get, f"/v1/jobs/{job['id']}?wait_seconds=60", headers=member.headers)
        wait_for(lambda: hub.watchers == 1, "somebody waits")
        factories.claim()
        assert asked.result(timeout=20).json()["status"] == "running"
    assert time.monotonic() - begun_at < 20
    assert hub.watchers == 0


def test_a_long_poll_of_a_final_job_waits_for_nothing(client: TestClient, member: Member) -> None:
    job = submit(client, member)
    lifecycle.cancel(member.caller, uuid.UUID(job["id"]))
    begun_at = time.monotonic()
    answer = client.get(f"/v1/jobs/{job['id']}?wait_seconds=60", headers=member.headers)
    assert answer.json()["status"] == "cancelled"
    assert time.monotonic() - begun_at < 20


def test_a_long_poll_answers_when_its_time_is_over(client: TestClient, member: Member) -> None:
    job = submit(client, member)
    answer = client.get(f"/v1/jobs/{job['id']}?wait_seconds=0.1", headers=member.headers)
    assert answer.json()["status"] == "waiting"


def test_a_waiting_job_is_cancelled_at_once_and_twice_is_once(client: TestClient, member: Member) -> None:
    place = f"/v1/jobs/{submit(client, member)['id']}"
    first, again = (client.post(f"{place}/cancel", headers=member.headers) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (200, "cancelled")
    assert first.json() == again.json()
    told = client.get(place, headers=member.headers).json()
    assert [event["kind"] for event in told["timeline"]] == ["job.created", "job.cancelled"]


def test_a_running_job_says_that_it_was_asked_to_stop_until_it_has(client: TestClient, member: Member) -> None:
    job = submit(client, member)
    claim = factories.claim()
    first, again = (client.post(f"/v1/jobs/{job['id']}/cancel", headers=member.headers).json() for _ in range(2))
    assert first == again
    assert first["status"] == "running"
    assert first["cancel_requested_at"]
    lifecycle.confirm_cancel(claim)
    assert show(client, member, job)["status"] == "cancelled"


def test_a_finished_job_is_not_cancelled(client: TestClient, member: Member, tmp_path: Path) -> None:
    job = submit(client, member)
    complete(tmp_path)
    answer = client.post(f"/v1/jobs/{job['id']}/cancel", headers=member.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_a_job_run_again_is_a_new_one_that_names_the_old(client: TestClient, member: Member) -> None:
    old = submit(client, member, tags=["a"])
    client.post(f"/v1/jobs/{old['id']}/cancel", headers=member.headers)
    answer = client.post(f"/v1/jobs/{old['id']}/rerun", headers=member.headers)
    new = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://127.0.0.1:8000/v1/jobs/{new['id']}"
    assert new["id"] != old["id"]
    assert (new["rerun_of"], new["status"], new["seed"]) == (old["id"], "waiting", old["seed"])
    assert (new["inputs"], new["tags"]) == (old["inputs"], old["tags"])


def test_an_unfinished_job_is_not_run_again(client: TestClient, member: Member) -> None:
    answer = client.post(f"/v1/jobs/{submit(client, member)['id']}/rerun", headers=member.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_the_same_key_and_body_give_the_same_job(client: TestClient, member: Member) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    first, again = (client.post("/v1/jobs", json=JOB, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    assert (first.headers.get("Idempotent-Replay"), again.headers["Idempotent-Replay"]) == (None, "true")


def test_the_same_key_with_another_body_is_a_409(client: TestClient, member: Member) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    client.post("/v1/jobs", json=JOB, headers=headers)
    answer = client.post("/v1/jobs", json=JOB | {"priority": 5}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert len(page(client, member)) == 1


def test_two_accounts_may_use_the_same_key(client: TestClient, member: Member, stranger: Member) -> None:
    name = {"Idempotency-Key": "order-1"}
    ours, theirs = (client.post("/v1/jobs", json=JOB, headers=who.headers | name) for who in (member, stranger))
    assert ours.status_code == theirs.status_code == 201
    assert ours.json()["id"] != theirs.json()["id"]
