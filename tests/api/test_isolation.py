"""The promise that an account sees nothing of another's, walked over every route there is.

A new route makes `test_every_route_is_walked` fail until it is in one of the tables below.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from api import openapi
from jobs.rules.catalog import MODELS
from jobs.tables import Job
from tests import factories
from tests.api.rendering import complete
from tests.conftest import Member

Operation = tuple[str, str]
Ask = Callable[[TestClient, dict[str, str]], Response]

PUBLIC: set[Operation] = {("GET", "/health"), ("GET", "/ready")}
"""Routes that need no key and know no account."""

IDS: dict[str, Callable[[Job], str]] = {"prediction_id": lambda job: job.id.hex, "job_id": lambda job: job.id.hex}
"""What stands for each path parameter: something of the owner's."""

BODIES: dict[Operation, object] = {}
"""What to send to routes that have both a path parameter and a body."""

LISTS: dict[Operation, tuple[object, Callable[[Any], list[Any]]]] = {
    ("GET", "/v1/jobs"): (None, lambda body: body["jobs"]),
    ("POST", "/api/v3/predictions"): (
        {"page": 1, "page_size": 100, "include_inputs": True},
        lambda body: body["data"]["items"],
    ),
}
"""Routes that list, with what to send them; each must be empty for a stranger."""

ALIKE: dict[Operation, object] = {
    ("GET", "/api/v3/models"): None,
    ("POST", "/api/v3/model/price"): {"model_id": factories.MULTI},
    ("POST", "/api/v3/model/pricing"): {"model_id": factories.MULTI},
}
"""Routes that tell every account the same."""

TOLD_APART: set[Operation] = {("GET", "/api/v3/webhook/secret"), ("POST", "/api/v3/predictions/delete")}
"""Routes with a test of their own below."""


def post(path: str, **request: Any) -> Ask:  # noqa: ANN401 - httpx's own
    return lambda client, headers: client.post(path, headers=headers, **request)


MAKERS: dict[Operation, Ask] = {
    ("POST", "/v1/jobs"): post("/v1/jobs", json={"model": factories.MULTI, "inputs": factories.form()}),
    ("POST", "/api/v3/media/uploads"): post("/api/v3/media/uploads", json={"filename": "a.mp3", "size": 5}),
    ("POST", "/api/v3/media/upload/binary"): post("/api/v3/media/upload/binary", files={"file": ("a.mp3", b"abc")}),
} | {
    ("POST", f"/api/v3/{model.id}"): post(f"/api/v3/{model.id}", json=dict.fromkeys(model.media, "https://x.example/a"))
    for model in MODELS.values()
}
"""Routes that make something new of the caller's own; nothing of the owner's may shine through."""


@pytest.fixture
def operations(client: TestClient) -> set[Operation]:
    assert isinstance(client.app, FastAPI)
    return set(openapi.operations(client.app.openapi()))


@pytest.fixture
def owned(bucket: str, member: Member, tmp_path: Path) -> Job:
    """A finished job, with everything a job can have."""
    job = factories.submit(member.caller, tags=("secret-tag",), metadata={"secret": "metadata"})
    complete(tmp_path)
    return job


def test_every_route_is_walked(operations: set[Operation]) -> None:
    walked = (
        PUBLIC | set(LISTS) | set(MAKERS) | set(ALIKE) | TOLD_APART | {found for found in operations if "{" in found[1]}
    )
    assert walked == operations


def test_whatever_is_named_by_an_id_is_404_to_a_stranger(
    client: TestClient, member: Member, stranger: Member, owned: Job, operations: set[Operation]
) -> None:
    named = [found for found in operations if "{" in found[1]]
    assert named
    for method, path in sorted(named):
        place = path.format_map({name: value(owned) for name, value in IDS.items()})
        body = BODIES.get((method, path))
        theirs = client.request(method, place, headers=stranger.headers, json=body)
        assert theirs.status_code == 404, (method, path, theirs.text)
        assert_silent(theirs, member, owned, besides=place)
        nobodys = client.request(method, place.replace(owned.id.hex, "0" * 32), headers=stranger.headers, json=body)
        assert nobodys.text == theirs.text, "what is not there and what is another's must look the same"
        if method == "GET":
            assert client.get(place, headers=member.headers).status_code == 200


def test_lists_are_empty_to_a_stranger(client: TestClient, member: Member, stranger: Member, owned: Job) -> None:
    for (method, path), (body, read) in LISTS.items():
        theirs = client.request(method, path, headers=stranger.headers, json=body)
        assert read(theirs.json()) == [], (method, path)
        assert_silent(theirs, member, owned)
        assert read(client.request(method, path, headers=member.headers, json=body).json()) != []


def test_what_is_the_same_for_all_says_nothing_of_anybody(
    client: TestClient, member: Member, stranger: Member, owned: Job
) -> None:
    for (method, path), body in ALIKE.items():
        theirs = client.request(method, path, headers=stranger.headers, json=body)
        assert theirs.status_code == 200, (method, path, theirs.text)
        assert_silent(theirs, member, owned)
        assert client.request(method, path, headers=member.headers, json=body).text == theirs.text


def test_nobody_is_told_anothers_webhook_secret(client: TestClient, member: Member, stranger: Member) -> None:
    owners, theirs = (
        client.get("/api/v3/webhook/secret", headers=one.headers).json()["data"]["secret"] for one in (member, stranger)
    )
    assert owners != theirs


def test_a_stranger_deletes_nothing_of_the_owners(
    client: TestClient, member: Member, stranger: Member, owned: Job
) -> None:
    theirs, nobodys = (
        client.post("/api/v3/predictions/delete", json={"ids": [job_id]}, headers=stranger.headers)
        for job_id in (owned.id.hex, "0" * 32)
    )
    assert theirs.text == nobodys.text
    assert theirs.json()["data"] == {"deleted_count": 0}
    assert client.get(f"/v1/jobs/{owned.id.hex}", headers=member.headers).status_code == 200


def test_what_was_deleted_is_gone_at_every_route(
    client: TestClient, member: Member, owned: Job, operations: set[Operation]
) -> None:
    client.delete(f"/api/v3/predictions/{owned.id.hex}", headers=member.headers).raise_for_status()
    for method, path in sorted(found for found in operations if "{" in found[1]):
        place = path.format_map({name: value(owned) for name, value in IDS.items()})
        gone = client.request(method, place, headers=member.headers, json=BODIES.get((method, path)))
        never = client.request(method, place.replace(owned.id.hex, "0" * 32), headers=member.headers)
        assert (gone.status_code, gone.text) == (404, never.text), (method, path)
    for (method, path), (body, read) in LISTS.items():
        assert read(client.request(method, path, headers=member.headers, json=body).json()) == [], (method, path)


def test_a_cursor_of_anothers_opens_nothing(client: TestClient, member: Member, stranger: Member) -> None:
    for _ in range(2):
        factories.submit(member.caller)
    cursor = client.get("/v1/jobs?limit=1", headers=member.headers).json()["next_cursor"]
    assert cursor
    assert client.get("/v1/jobs", params={"cursor": cursor}, headers=stranger.headers).json()["jobs"] == []


def test_what_a_stranger_makes_is_their_own(client: TestClient, member: Member, stranger: Member, owned: Job) -> None:
    before = client.get("/v1/jobs", headers=member.headers).json()
    for operation, ask in MAKERS.items():
        answer = ask(client, stranger.headers)
        assert answer.is_success, (operation, answer.text)
        assert_silent(answer, member, owned)
    assert [job["id"] for job in client.get("/v1/jobs", headers=member.headers).json()["jobs"]] == [
        job["id"] for job in before["jobs"]
    ]


def test_without_a_key_every_route_but_the_public_ones_is_401(
    client: TestClient, owned: Job, operations: set[Operation]
) -> None:
    for method, path in sorted(operations - PUBLIC):
        place = path.format_map({name: value(owned) for name, value in IDS.items()})
        assert client.request(method, place).status_code == 401, (method, path)


def assert_silent(answer: Response, owner: Member, job: Job, besides: str = "") -> None:
    """Nothing of the owner's stands in the answer."""
    said = answer.text.replace(besides, "") if besides else answer.text
    for secret in (job.id.hex, owner.caller.account_id.hex, "secret-tag"):
        assert secret not in said
