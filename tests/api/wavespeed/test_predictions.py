"""Promises about submitting the WaveSpeed way: webhooks, engines, base64, and waiting for the end."""

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import create_app
from api.own_threads import OwnThreads
from api.wavespeed import base64_output
from jobs import lifecycle, listing, storage
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.listing import Filter
from jobs.tables import Job
from tests import factories
from tests.api.rendering import VIDEO, complete
from tests.blinking import no_job_is_read
from tests.conftest import Member, set_settings

MULTI = f"/api/v3/{factories.MULTI}"


def stored(member: Member, answer: Any) -> Job:  # noqa: ANN401 - httpx's answer
    return listing.job(member.caller, uuid.UUID(answer.json()["data"]["id"]))


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ("", None, None),
        ("?webhook=https://h.example/cb?a=b&c=d", None, "https://h.example/cb?a=b&c=d"),
        ("?webhook=https%3A%2F%2Fh.example%2Fcb%3Fa%3Db", None, "https://h.example/cb?a=b"),
        ("", "https://h.example/body", "https://h.example/body"),
        ("?webhook=https://h.example/query", "https://h.example/body", "https://h.example/query"),
    ],
)
def test_a_webhook_is_taken_from_the_query_or_the_body(
    client: TestClient, member: Member, query: str, body: str | None, expected: str | None
) -> None:
    answer = client.post(MULTI + query, json=factories.form(webhook_url=body), headers=member.headers)
    assert stored(member, answer).webhook_url == expected


def test_the_header_chooses_the_engine(client: TestClient, member: Member) -> None:
    plain = client.post(MULTI, json=factories.form(), headers=member.headers)
    chosen = client.post(MULTI, json=factories.form(), headers=member.headers | {"X-Duologue-Engine": "preview"})
    assert (stored(member, plain).engine_wanted, stored(member, chosen).engine_wanted) == ("auto", "preview")


def test_media_inside_the_request_are_taken(client: TestClient, member: Member) -> None:
    inline = "data:image/png;base64," + base64.b64encode(b"x" * 200_000).decode()
    answer = client.post(MULTI, json=factories.form(image=inline, left_audio="UklGRg=="), headers=member.headers)
    inputs = stored(member, answer).inputs
    assert (inputs["image"], inputs["left_audio"]) == ("attachment:image", "attachment:left_audio")


@pytest.mark.parametrize("length", [1, 2, 3, base64_output._PIECE_BYTES - 1, 2 * base64_output._PIECE_BYTES + 1])
def test_pieces_of_base64_join_to_one_base64(tmp_path: Path, length: int) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    path = tmp_path / "video"
    path.write_bytes(content[:length])
    sent = b"".join(base64_output._pieces("<", path.open("rb"), ">"))
    assert base64.b64decode(sent[1:-1], validate=True) == content[:length]


def test_outputs_are_bare_base64_where_that_was_asked_for(client: TestClient, member: Member, tmp_path: Path) -> None:
    submitted = client.post(MULTI, json=factories.form(enable_base64_output=True), headers=member.headers)
    assert submitted.json()["data"]["outputs"] == []
    complete(tmp_path)
    answer = client.get(f"/api/v3/predictions/{submitted.json()['data']['id']}", headers=member.headers)
    [output] = answer.json()["data"]["outputs"]
    assert base64.b64decode(output, validate=True) == VIDEO
    assert answer.headers["Content-Length"] == str(len(answer.content))


def test_base64_with_a_webhook_is_the_one_bare_error(client: TestClient, member: Member) -> None:
    form = factories.form(enable_base64_output=True, webhook_url="https://h.example/")
    answer = client.post(MULTI, json=form, headers=member.headers)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert listing.jobs(member.caller, Filter()) == []


def test_base64_without_its_object_is_a_503_to_ask_again(client: TestClient, member: Member, tmp_path: Path) -> None:
    submitted = client.post(MULTI, json=factories.form(enable_base64_output=True), headers=member.headers)
    complete(tmp_path)
    job = stored(member, submitted)
    assert job.output is not None
    storage.remove([job.output["key"]])
    answer = client.get(f"/api/v3/predictions/{job.id.hex}", headers=member.headers)
    assert (answer.status_code, answer.json()["error_code"]) == (503, "unavailable")
    assert job.output["key"] not in answer.text


def test_while_too_many_wait_for_the_bucket_only_a_video_in_base64_is_to_be_asked_for_again(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    submitted = client.post(MULTI, json=factories.form(enable_base64_output=True), headers=member.headers)
    assert isinstance(client.app, FastAPI)
    client.app.state.bucket = OwnThreads(0, 0.01, partial(Unavailable, "Later."))
    where = f"/api/v3/predictions/{submitted.json()['data']['id']}"
    assert client.get(where, headers=member.headers).status_code == 200
    complete(tmp_path)
    assert client.get(where, headers=member.headers).status_code == 503


def test_a_video_that_is_no_longer_kept_is_not_linked_to(client: TestClient, member: Member, tmp_path: Path) -> None:
    job = factories.submit(member.caller)
    complete(tmp_path)
    with transaction() as session:
        session.get_one(Job, job.id).objects_removed_at = datetime.now(UTC)
    shown = client.get(f"/api/v3/predictions/{job.id.hex}", headers=member.headers).json()["data"]
    assert (shown["status"], shown["outputs"], shown["error"]) == ("completed", [], "The video is no longer kept.")


def test_sync_mode_answers_with_the_finished_job(client: TestClient, member: Member, tmp_path: Path) -> None:
    form = factories.form(enable_sync_mode=True)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(client.post, MULTI, json=form, headers=member.headers)
        wait_for_a_job(member.caller)
        complete(tmp_path)
        shown = asked.result(timeout=10).json()["data"]
    assert (shown["status"], len(shown["outputs"])) == ("completed", 1)


def test_sync_mode_never_loses_a_finished_job_to_a_missing_bucket(client: TestClient, member: Member) -> None:
    form = factories.form(enable_sync_mode=True, enable_base64_output=True)
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(client.post, MULTI, json=form, headers=member.headers)
        wait_for_a_job(member.caller)
        [job] = listing.jobs(member.caller, Filter())
        claim = factories.claim()
        lifecycle.finish(claim, factories.output(claim))  # its object was never put there
        answer = asked.result(timeout=10)
    assert answer.status_code == 200
    assert (answer.json()["data"]["id"], answer.json()["data"]["code"]) == (job.id.hex, 5004)


def test_a_database_that_goes_away_after_the_commit_is_a_wait_that_is_over(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {**database, "DUOLOGUE_SYNC_SECONDS": "0.05"})
    with TestClient(create_app()) as client, no_job_is_read():
        answer = client.post(MULTI, json=factories.form(enable_sync_mode=True), headers=member.headers)
    shown = answer.json()["data"]
    assert (answer.status_code, shown["status"], shown["code"]) == (200, "processing", 5004)
    assert stored(member, answer).status == "waiting"


def test_when_the_wait_is_over_the_job_goes_on_and_the_answer_says_so(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {**database, "DUOLOGUE_SYNC_SECONDS": "0.05"})
    with TestClient(create_app()) as client:
        answer = client.post(MULTI, json=factories.form(enable_sync_mode=True), headers=member.headers)
    shown = answer.json()["data"]
    assert (answer.status_code, shown["status"], shown["code"]) == (200, "processing", 5004)
    assert "Sync mode timed out" in shown["error"]
    assert stored(member, answer).status == "waiting"


def test_the_same_key_and_body_give_the_same_prediction(client: TestClient, member: Member) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    first, again = (client.post(MULTI, json=factories.form(), headers=headers) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert len(listing.jobs(member.caller, Filter())) == 1


def test_a_prediction_that_is_done_is_replayed_with_its_video(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    client.post(MULTI, json=factories.form(), headers=headers)
    complete(tmp_path)
    shown = client.post(MULTI, json=factories.form(), headers=headers).json()["data"]
    assert (shown["status"], len(shown["outputs"])) == ("completed", 1)


def test_the_same_key_with_another_body_is_a_409(client: TestClient, member: Member) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    client.post(MULTI, json=factories.form(), headers=headers)
    answer = client.post(MULTI, json=factories.form(prompt="other"), headers=headers)
    assert (answer.status_code, answer.json()["error_code"], answer.json()["data"]) == (409, "conflict", None)


def test_delete_cancels_what_is_not_final_and_deletes_what_is(client: TestClient, member: Member) -> None:
    place = f"/api/v3/predictions/{factories.submit(member.caller).id.hex}"
    cancelled = client.delete(place, headers=member.headers)
    assert cancelled.status_code == 200
    assert cancelled.json() == client.get(place, headers=member.headers).json()
    shown = cancelled.json()["data"]
    assert (shown["status"], shown["code"], shown["error"]) == ("failed", 1405, "The job was cancelled.")
    assert client.delete(place, headers=member.headers).json() == cancelled.json()
    assert client.get(place, headers=member.headers).status_code == 404
    assert client.delete(place, headers=member.headers).status_code == 404


def test_delete_of_a_running_job_shows_it_running_until_it_is_dead(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller)
    claim = factories.claim()
    answer = client.delete(f"/api/v3/predictions/{job.id.hex}", headers=member.headers)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "processing")
    again = client.delete(f"/api/v3/predictions/{job.id.hex}", headers=member.headers)
    assert again.json() == answer.json()
    assert lifecycle.renew(claim, "rendering", 0.5) == "cancelled"
    lifecycle.confirm_cancel(claim)
    shown = client.get(f"/api/v3/predictions/{job.id.hex}", headers=member.headers).json()["data"]
    assert (shown["status"], shown["code"], shown["error"]) == ("failed", 1405, "The job was cancelled.")


def test_delete_of_a_finished_job_shows_it_once_more_without_its_video(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    place = f"/api/v3/predictions/{factories.submit(member.caller).id.hex}"
    complete(tmp_path)
    answer = client.delete(place, headers=member.headers)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "completed")
    assert answer.json()["data"]["outputs"] == []
    assert client.get(place, headers=member.headers).status_code == 404


def wait_for_a_job(caller: Caller) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=10)
    while not listing.jobs(caller, Filter()):
        assert datetime.now(UTC) < deadline
