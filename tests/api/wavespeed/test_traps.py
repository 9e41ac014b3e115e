"""The traps of the contract, each a way in which a replica breaks a real client: here those in what is answered."""

import hashlib
import hmac
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.wavespeed import envelope
from jobs import lifecycle, terms
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import MediaError
from jobs.rules import signatures
from jobs.rules.states import State
from jobs.tables import Job
from tests import factories
from tests.api.rendering import INFERENCE_MS, VIDEO, complete
from tests.conftest import Member, set_settings

MULTI = f"/api/v3/{factories.MULTI}"
ORDER = [
    "id", "model", "outputs", "urls", "has_nsfw_contents", "status", "created_at", "error", "code",
    "executionTime", "timings",
]  # fmt: skip
READ = ("models", "balance", "account/balance", "webhook/secret")
ASKED: dict[str, dict[str, object]] = {
    "media/uploads": {"filename": "a.mp3", "size": 3},
    "predictions": {"page": 1, "page_size": 1},
    "predictions/delete": {"ids": []},
    "model/price": {"model_id": factories.MULTI},
    "model/pricing": {"model_id": factories.MULTI},
    "billings/search": {"page": 1, "page_size": 1},
    "user/usage_stats": {},
}
"""What every other endpoint of this face is asked, below `/api/v3`."""


def result(client: TestClient, member: Member, job: Job) -> dict[str, Any]:
    answer = client.get(f"/api/v3/predictions/{job.id.hex}/result", headers=member.headers)
    assert answer.status_code == 200
    prediction: dict[str, Any] = answer.json()["data"]
    return prediction


def test_every_trap_has_a_test_that_names_it() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert {int(number) for number in re.findall(r"^def test_trap_(\d+)_", written, re.MULTILINE)} == set(range(1, 16))


def test_trap_1_success_is_exactly_200_everywhere(client: TestClient, member: Member) -> None:
    submitted = client.post(MULTI, json=factories.form(), headers=member.headers)
    prediction = f"/api/v3/predictions/{submitted.json()['data']['id']}"
    read = [f"{prediction}/result", prediction, *(f"/api/v3/{name}" for name in READ)]
    answers = [
        submitted,
        *(client.get(path, headers=member.headers) for path in read),
        *(client.post(f"/api/v3/{path}", json=form, headers=member.headers) for path, form in ASKED.items()),
        client.post("/api/v3/media/upload/binary", files={"file": ("a.mp3", b"abc")}, headers=member.headers),
        client.delete(prediction, headers=member.headers),
    ]
    for answer in answers:
        assert answer.status_code == 200, (answer.url, answer.text)
        body = answer.json()
        assert list(body) == ["code", "message", "data"]
        assert (body["code"], body["message"]) == (200, "success")


def test_trap_2_an_error_is_never_inside_a_200(client: TestClient, member: Member) -> None:
    refused = {
        400: client.post(MULTI, json={}, headers=member.headers),
        401: client.post(MULTI, json=factories.form()),
        404: client.get(f"/api/v3/predictions/{'0' * 32}/result", headers=member.headers),
        405: client.put(MULTI, json=factories.form(), headers=member.headers),
    }
    for status, answer in refused.items():
        body = answer.json()
        assert (answer.status_code, body["code"], body["data"]) == (status, status, None)
        assert "error" not in body


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


def test_trap_6_polls_never_count_against_the_submits(client: TestClient, member: Member) -> None:
    with transaction() as session:
        terms.change(session, terms.of(session, member.caller.account_id), {"submits_per_minute": 1})
    path = urlsplit(
        client.post(MULTI, json=factories.form(), headers=member.headers).json()["data"]["urls"]["get"]
    ).path
    for _ in range(30):
        assert client.get(path, headers=member.headers).status_code == 200
    refused = client.post(MULTI, json=factories.form(), headers=member.headers)
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 0) == (429, True)
    assert client.get(path, headers=member.headers).status_code == 200


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


def test_trap_12_a_receiver_checks_the_letters_of_the_secret_and_hexadecimal(
    client: TestClient, member: Member
) -> None:
    secret = client.get("/api/v3/webhook/secret", headers=member.headers).json()["data"]["secret"]
    body = '{"id":"0123456789abcdef0123456789abcdef","error":"schön"}'.encode()
    version, _, given = signatures.v3(secret, "0123456789abcdef0123456789abcdef", 1760000000, body).partition(",")
    letters = secret.removeprefix("whsec_").encode()  # not what they would be decoded to
    expected = hmac.new(letters, b"0123456789abcdef0123456789abcdef.1760000000." + body, hashlib.sha256).hexdigest()
    assert (version, given) == ("v3", expected)


def test_trap_12_the_signature_is_the_one_of_the_contract() -> None:
    body = (
        b'{"id":"0123456789abcdef0123456789abcdef","model":"wavespeed-ai/infinitetalk/multi",'
        b'"outputs":["https://example.test/o.mp4"],"status":"completed","error":""}'
    )
    secret = "whsec_c2VsZi1tYWRlLXRlc3Qtc2VjcmV0LTMyLWJ5dGVzISE="
    assert signatures.v3(secret, "0123456789abcdef0123456789abcdef", 1760000000, body) == (
        "v3,4b634600a6d5616b976dbea3c1cf7d60f70a7a72be09e170c6c65741146c3b67"
    )


@pytest.mark.parametrize("path", ["balance", "account/balance"])
def test_trap_13_a_balance_is_a_number(client: TestClient, member: Member, path: str) -> None:
    """Also of an account that may spend what it likes, and of one that has nothing."""
    for is_prepaid in (False, True):
        with transaction() as session:
            terms.change(session, terms.of(session, member.caller.account_id), {"is_prepaid": is_prepaid})
        shown = client.get(f"/api/v3/{path}", headers=member.headers).json()["data"]
        assert type(shown["balance"]) in {int, float}
        assert (shown["balance"] > 0, shown["currency"]) == (not is_prepaid, "USD")
