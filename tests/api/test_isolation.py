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

LISTS: dict[Operation, Callable[[Any], list[Any]]] = {("GET", "/v1/jobs"): lambda body: body["jobs"]}
"""Routes that list; each must be empty for a stranger."""


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
    walked = PUBLIC | set(LISTS) | set(MAKERS) | {found for found in operations if "{" in found[1]}
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
    for (method, path), read in LISTS.items():
        theirs = client.request(method, path, headers=stranger.headers)
        assert read(theirs.json()) == [], (method, path)
        assert_silent(theirs, member, owned)
        assert read(client.request(method, path, headers=member.headers).json()) != []


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
