"""Promises about batches at the front door; what becomes of their lines is promised elsewhere."""

import uuid
from typing import Any

import pytest
from httpx import Response
from starlette.testclient import TestClient

from jobs import lifecycle, storage
from jobs.errors import EngineError
from jobs.rules import keys
from tests import batching, factories
from tests.api.shapes import as_ours
from tests.conftest import Member
from workers import batching as worker

BATCHES = "/v1/batches"


def submit(client: TestClient, member: Member, key: str | None = None, **form: object) -> Response:
    headers = member.headers | ({"Idempotency-Key": key} if key else {})
    answer: Response = client.post(BATCHES, json=form, headers=headers)
    return answer


def shown(client: TestClient, member: Member, batch_id: str) -> dict[str, Any]:
    answer = client.get(f"{BATCHES}/{batch_id}", headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def opened(client: TestClient, member: Member, count: int) -> dict[str, Any]:
    answer = submit(client, member, requests=batching.lines(count))
    assert answer.status_code == 201, answer.text
    worker.read_all()
    return shown(client, member, answer.json()["id"])


def test_a_batch_is_accepted_at_once_and_read_by_a_worker(client: TestClient, member: Member) -> None:
    answer = submit(client, member, requests=batching.lines(2), metadata={"run": 4}, options={"priority": 3})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["Location"].endswith(f"{BATCHES}/{made['id']}")
    assert (made["object"], made["status"], made["request_counts"]["total"]) == ("batch", "validating", 0)
    worker.read_all()
    found = shown(client, member, made["id"])
    assert (found["status"], found["metadata"], found["on_bad_lines"]) == ("in_progress", {"run": 4}, "reject_all")
    assert found["request_counts"] == {
        "total": 2,
        "completed": 0,
        "failed": 0,
        "cancelled": 0,
        "running": 0,
        "waiting": 2,
    }
    assert found["estimate"]["price_usd"] == {"least": 0, "most": 0}


def test_an_uploaded_file_is_a_batch(client: TestClient, member: Member) -> None:
    link = batching.uploaded(member.caller, b"not JSON\n")
    answer = submit(client, member, input_file=link, on_bad_lines="take_good")
    assert answer.status_code == 201, answer.text
    worker.read_all()
    found = shown(client, member, answer.json()["id"])
    assert (found["status"], found["bad_lines"]) == ("failed", 1)
    [problem] = found["errors"]["data"]
    assert (problem["line"], problem["code"]) == (1, "invalid_input")
    [file] = found["files"]
    assert file["name"] == "bad-lines.jsonl"
    assert "X-Amz-Signature" in file["link"]
    assert found["failed_at"] is not None


def test_jobs_are_listed_in_the_order_of_their_lines_page_by_page(
    client: TestClient, member: Member, stranger: Member
) -> None:
    batch = opened(client, member, 5)
    place = f"{BATCHES}/{batch['id']}/jobs"
    batching.complete(2)
    first = client.get(place, params={"limit": 3}, headers=member.headers).json()
    assert [(job["line"], job["custom_id"]) for job in first["jobs"]] == [(1, "row-1"), (2, "row-2"), (3, "row-3")]
    assert "X-Amz-Signature" in first["jobs"][0]["output"]["link"]
    rest = client.get(place, params={"after_line": first["next_line"]}, headers=member.headers).json()
    assert ([job["line"] for job in rest["jobs"]], rest["next_line"]) == ([4, 5], None)
    done = client.get(place, params={"status": "completed"}, headers=member.headers).json()
    assert [job["line"] for job in done["jobs"]] == [1, 2]
    assert as_ours(client.get(place, headers=stranger.headers))[:2] == (404, "not_found")


def test_batches_are_listed_newest_first(client: TestClient, member: Member) -> None:
    made = [submit(client, member, requests=batching.lines(1)).json()["id"] for _ in range(3)]
    first = client.get(BATCHES, params={"limit": 2}, headers=member.headers).json()
    rest = client.get(BATCHES, params={"cursor": first["next_cursor"]}, headers=member.headers).json()
    assert [one["id"] for one in first["batches"] + rest["batches"]] == made[::-1]
    assert rest["next_cursor"] is None


def test_a_batch_is_paused_resumed_cancelled_and_retried(client: TestClient, member: Member) -> None:
    batch = opened(client, member, 2)

    def tell(verb: str) -> Response:
        answer: Response = client.post(f"{BATCHES}/{batch['id']}/{verb}", headers=member.headers)
        return answer

    assert tell("pause").json()["paused_at"] is not None
    job_id = client.get(f"{BATCHES}/{batch['id']}/jobs", headers=member.headers).json()["jobs"][0]["id"]
    assert "paused" in client.get(f"/v1/jobs/{job_id}", headers=member.headers).json()["why_waiting"]
    assert tell("resume").json()["paused_at"] is None
    assert as_ours(tell("retry"))[:2] == (409, "conflict")
    for _ in range(2):
        lifecycle.stumble(factories.claim(), EngineError("broken", permanent=True))
    worker.close_all()
    assert as_ours(tell("cancel"))[:2] == (409, "conflict")
    again = tell("retry")
    assert again.status_code == 201, again.text
    assert again.json()["retry_of"] == batch["id"]
    found = shown(client, member, batch["id"])
    assert [file["name"] for file in found["files"]] == ["manifest.csv", "errors.jsonl"]


def test_the_same_key_and_body_are_the_same_batch(client: TestClient, member: Member) -> None:
    first, second = (submit(client, member, "monday", requests=batching.lines(1)) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["Idempotent-Replay"] == "true"
    assert first.json()["id"] == second.json()["id"]
    assert as_ours(submit(client, member, "monday", requests=batching.lines(2)))[:2] == (409, "conflict")


WRONG: list[tuple[dict[str, object], str]] = [
    ({}, "input_file"),
    ({"requests": [{}], "input_file": "https://x.example/a"}, "input_file"),
    ({"requests": []}, "requests"),
    ({"requests": [5]}, "requests.0"),
    ({"requests": [{}] * 1001}, "requests"),
    ({"input_file": "https://x.example/a"}, "input_file"),
    ({"requests": [{}], "options": {"engine": 5}}, "options.engine"),
    ({"requests": [{}], "webhook": "nope"}, "batch.webhook"),
    ({"requests": [{}], "webhook": "https://10.0.0.1/"}, "batch.webhook"),
    ({"requests": [{}], "options": {"webhook": "http://h.example/"}}, "options.webhook"),
    ({"requests": [{}], "metadata": {"a": "x" * 20_000}}, "batch.metadata"),
    ({"requests": [{}], "on_bad_lines": "ignore"}, "on_bad_lines"),
    ({"requests": [{}], "budget_usd": 0}, "budget_usd"),
    ({"requests": [{}], "deadline_seconds": 0}, "deadline_seconds"),
]
"""Forms, and the field that is to blame."""


@pytest.mark.parametrize("letter", ["%00", "%0a"])
def test_a_link_that_no_upload_can_have_is_the_callers_mistake(client: TestClient, member: Member, letter: str) -> None:
    link = storage.link(keys.upload(member.caller.account_id, uuid.uuid4(), "a.jsonl"), 60).replace("a.jsonl", letter)
    assert as_ours(submit(client, member, input_file=link))[:2] == (400, "wrong_input")


def test_what_is_asked_of_all_of_it_is_judged_at_once(
    client: TestClient, member: Member, subtests: pytest.Subtests
) -> None:
    for form, field in WRONG:
        with subtests.test(str(form)[:80]):
            refused = client.post(BATCHES, json=form, headers=member.headers)
            assert (refused.status_code, refused.json()["error"]["field"]) == (400, field), refused.text
