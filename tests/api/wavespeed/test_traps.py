"""The traps of the contract: each is a way in which a replica breaks a real client, and none of them is ours."""

import re
import socket
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.wavespeed import envelope
from jobs import lifecycle, listing
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import MediaError
from jobs.rules.catalog import MODELS
from jobs.rules.states import State
from jobs.tables import Job
from tests import factories
from tests.api.rendering import INFERENCE_MS, VIDEO, complete
from tests.conftest import Member, set_settings

MULTI = f"/api/v3/{factories.MULTI}"
RESERVED = {"predictions", "models", "media", "balance", "model", "webhook", "user", "billings", "account"}
ORDER = [
    "id", "model", "outputs", "urls", "has_nsfw_contents", "status", "created_at", "error", "code",
    "executionTime", "timings",
]  # fmt: skip


def result(client: TestClient, member: Member, job: Job) -> dict[str, Any]:
    answer = client.get(f"/api/v3/predictions/{job.id.hex}/result", headers=member.headers)
    assert answer.status_code == 200
    prediction: dict[str, Any] = answer.json()["data"]
    return prediction


def test_trap_1_success_is_exactly_200_everywhere(client: TestClient, member: Member) -> None:
    submitted = client.post(MULTI, json=factories.form(), headers=member.headers)
    place = f"/api/v3/predictions/{submitted.json()['data']['id']}"
    answers = [
        submitted,
        client.get(f"{place}/result", headers=member.headers),
        client.get(place, headers=member.headers),
        client.post("/api/v3/media/uploads", json={"filename": "a.mp3", "size": 3}, headers=member.headers),
        client.post("/api/v3/media/upload/binary", files={"file": ("a.mp3", b"abc")}, headers=member.headers),
    ]
    for answer in answers:
        assert answer.status_code == 200
        body = answer.json()
        assert list(body) == ["code", "message", "data"]
        assert (body["code"], body["message"]) == (200, "success")


def test_trap_2_an_error_is_never_inside_a_200(client: TestClient, member: Member) -> None:
    refused = client.post(MULTI, json={}, headers=member.headers)
    assert refused.status_code == refused.json()["code"] == 400


def test_trap_3_a_failed_task_is_a_200(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller)
    lifecycle.stumble(factories.claim(), MediaError("image", "it is a page, not a picture"))
    shown = result(client, member, job)
    assert (shown["status"], shown["code"], shown["outputs"]) == ("failed", 1402, [])
    assert shown["error"].startswith("image: it is a page")


def test_trap_4_only_four_status_words_are_ever_shown(caller: Caller) -> None:
    job = factories.submit(caller)
    shown = {}
    for state in State:
        job.status = state
        shown[state.value] = envelope.prediction(job).status
    assert shown == {
        "waiting": "created",
        "running": "processing",
        "forwarded": "processing",
        "completed": "completed",
        "failed": "failed",
        "cancelled": "failed",
    }


def test_trap_5_a_cancelled_job_is_failed_with_words_and_never_5004(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller)
    lifecycle.cancel(member.caller, job.id)
    shown = result(client, member, job)
    assert (shown["status"], shown["code"], shown["error"]) == ("failed", 1405, "The job was cancelled.")


def test_trap_5_a_job_past_its_deadline_is_failed_and_says_which(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller)
    with transaction() as session:
        session.get_one(Job, job.id).wait_until = job.created_at
    lifecycle.expire()
    shown = result(client, member, job)
    assert (shown["status"], shown["code"]) == ("failed", 1405)
    assert "waiting deadline" in shown["error"]
    assert "Sync mode timed out" not in shown["error"]


def test_trap_6_a_result_is_readable_at_once_and_after_a_restart(client: TestClient, member: Member) -> None:
    submitted = client.post(MULTI, json=factories.form(), headers=member.headers).json()
    path = urlsplit(submitted["data"]["urls"]["get"]).path
    assert client.get(path, headers=member.headers).json() == submitted
    with TestClient(create_app()) as restarted:
        assert restarted.get(path, headers=member.headers).json() == submitted


def test_trap_7_every_field_has_its_place_and_its_type(client: TestClient, member: Member, tmp_path: Path) -> None:
    job = factories.submit(member.caller)
    created = result(client, member, job)
    assert (created["outputs"], created["has_nsfw_contents"], created["executionTime"]) == ([], [], 0)
    complete(tmp_path)
    completed = result(client, member, job)
    assert (completed["has_nsfw_contents"], completed["executionTime"]) == ([False], INFERENCE_MS)
    for shown in (created, completed):
        assert list(shown) == ORDER
        assert re.fullmatch(r"[0-9a-f]{32}", shown["id"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z", shown["created_at"])
        assert shown["urls"] == {"get": f"http://127.0.0.1:8000/api/v3/predictions/{job.id.hex}/result"}
        assert (shown["error"], shown["code"], shown["model"]) == ("", 0, factories.MULTI)
        assert [type(shown[name]) for name in ("executionTime", "code")] == [int, int]
        assert shown["timings"] == {"inference": shown["executionTime"]}
        assert type(shown["timings"]["inference"]) is int


def test_trap_7_urls_follow_the_public_url(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {**database, "DUOLOGUE_PUBLIC_URL": "https://video.example.org/duo/"})
    job = factories.submit(member.caller)
    with TestClient(create_app()) as client:
        shown = result(client, member, job)
    assert shown["urls"]["get"] == f"https://video.example.org/duo/api/v3/predictions/{job.id.hex}/result"


def test_trap_7_a_moment_without_a_fraction_still_has_one() -> None:
    assert envelope.instant(datetime.fromisoformat("2026-01-02T05:04:05+02:00")) == "2026-01-02T03:04:05.000000Z"


def test_trap_8_a_model_that_begins_like_another_is_itself(client: TestClient, member: Member) -> None:
    for model in MODELS.values():
        form = dict.fromkeys(model.media, "https://x.example/a")
        answer = client.post(f"/api/v3/{model.id}", json=form, headers=member.headers)
        assert answer.json()["data"]["model"] == model.id
        assert model.id.partition("/")[0] not in RESERVED


def test_trap_9_bodies_are_read_tolerantly(client: TestClient, member: Member) -> None:
    body = factories.form() | {
        "enable_base64_output": False,
        "enable_sync_mode": False,
        "model": "something",
        "webhook_url": "",
        "prompt": None,
        "order": None,
        "unknown": {"deep": [1]},
        "seed": 7.0,
    }
    job = client.post(MULTI, json=body, headers=member.headers).json()["data"]
    stored = listing.job(member.caller, uuid.UUID(job["id"]))
    assert (stored.model, stored.seed, stored.webhook_url) == (factories.MULTI, 7, None)
    assert stored.inputs == factories.form(prompt="", order="meanwhile", resolution="480p", seed=7)


def test_trap_9_a_resolution_is_dropped_where_there_is_none(client: TestClient, member: Member) -> None:
    form = {"image": "https://x.example/a.png", "audio": "https://x.example/a.mp3", "resolution": "720p"}
    answer = client.post("/api/v3/wavespeed-ai/infinitetalk-fast", json=form, headers=member.headers)
    stored = listing.job(member.caller, uuid.UUID(answer.json()["data"]["id"]))
    assert "resolution" not in stored.inputs


def test_trap_10_a_submit_fetches_nothing(client: TestClient, member: Member) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/two.png"
        answer = client.post(MULTI, json=factories.form(image=url), headers=member.headers)
        silent.setblocking(False)  # noqa: FBT003 - the socket's own form
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert answer.json()["data"]["status"] == "created"


def test_trap_11_an_output_is_a_plain_mp4_for_anybody_with_the_link(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    job = factories.submit(member.caller)
    complete(tmp_path)
    [link] = result(client, member, job)["outputs"]
    assert urlsplit(link).path.endswith(f"{job.id.hex}.mp4")
    video, part = httpx.get(link), httpx.get(link, headers={"Range": "bytes=4-7"})
    assert (video.status_code, video.content) == (200, VIDEO)
    assert video.headers["Content-Type"] == "video/mp4"
    assert video.headers["Content-Length"] == str(len(VIDEO))
    assert (part.status_code, part.content) == (206, VIDEO[4:8])


@pytest.mark.parametrize("path", [MULTI, "/api/v3/predictions/x/result", "/v1/jobs"])
def test_trap_14_a_browser_may_ask_without_a_key_what_it_may_send(client: TestClient, path: str) -> None:
    asked = "authorization,content-type,x-client-name,x-client-version,x-client-os"
    answer = client.options(
        path,
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        },
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
    assert set(asked.split(",")) <= allowed


def test_trap_14_errors_too_can_be_read_by_a_browser(client: TestClient) -> None:
    answer = client.get("/api/v3/nothing", headers={"Origin": "https://app.example"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, "*")
