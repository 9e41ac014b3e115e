"""Promises of our own face: everything asked for is kept, and everything about a job is shown to its owner."""

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from jobs import lifecycle
from jobs.errors import MediaError
from tests import factories
from tests.api.rendering import VIDEO, complete
from tests.conftest import Member

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
