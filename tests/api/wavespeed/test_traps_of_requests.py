"""The traps in what clients send: paths, bodies, headers and how often; each would break a real client."""

import asyncio
import socket
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.gathering import Gathering, in_a_thread
from jobs import listing
from jobs.errors import CallerError
from jobs.listing import Reading
from jobs.rules.catalog import MODELS
from tests import factories
from tests.conftest import Member, set_settings

MULTI = f"/api/v3/{factories.MULTI}"
RESERVED = {"predictions", "models", "media", "balance", "model", "webhook", "user", "billings", "account"}


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


def test_trap_10_a_submit_waits_for_neither_bucket_nor_broker(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"DUOLOGUE_S3_ENDPOINT_URL": "http://127.0.0.1:1", "DUOLOGUE_BROKER_URL": "redis://127.0.0.1:1/0"}
    set_settings(monkeypatch, away)
    answer = client.post(MULTI, json=factories.form(), headers=member.headers)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "created")


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


def test_trap_15_polls_that_come_together_are_few_questions(client: TestClient, member: Member) -> None:
    ids = [factories.submit(member.caller).id.hex for _ in range(40)]
    questions: list[int] = []

    def noted(asked: Sequence[tuple[str, uuid.UUID | None]]) -> list[Reading | CallerError]:
        questions.append(len(asked))
        return listing.readings(asked)

    async def poll_all() -> list[httpx.Response]:
        front_door = create_app()
        front_door.state.readings = Gathering(in_a_thread(noted))
        transport = httpx.ASGITransport(front_door)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as polling:
            asked = (polling.get(f"/api/v3/predictions/{one}/result", headers=member.headers) for one in ids)
            return await asyncio.gather(*asked)

    answers = asyncio.run(poll_all())
    assert [answer.json()["data"]["id"] for answer in answers] == ids
    assert sum(questions) == len(ids)
    assert len(questions) <= len(ids) / 4


def test_a_comfyui_node_finds_its_paths_and_tells_the_kind_by_the_extension(client: TestClient, member: Member) -> None:
    """Its host is written into it, so that no test of ours can run it; these are the requests it makes."""
    files = {"file": ("image.png", b"png", "image/png")}
    uploaded = client.post("/api/v2/media/upload/binary", files=files, headers=member.headers).json()["data"]
    assert urlsplit(uploaded["download_url"]).path.endswith(".png")
    form = factories.form(image=uploaded["download_url"]) | {"enable_base64_output": False, "seed": -1}
    submitted = client.post(MULTI, json=form, headers=member.headers).json()
    polled = client.get(f"/api/v2/predictions/{submitted['data']['id']}/result", headers=member.headers)
    assert polled.json() == submitted
