"""The promises that an account sees nothing of another's and a key does no more than it may, walked over every route.

A new route makes the tests of the walk itself fail until it is in one of the tables below, and under one right.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from api import openapi
from jobs.rules.catalog import MODELS
from jobs.rules.scopes import ALL, Scope
from jobs.tables import Job
from tests import factories, paying
from tests.api.rendering import complete
from tests.conftest import Member

Operation = tuple[str, str]
Ask = Callable[[TestClient, dict[str, str]], Response]

PUBLIC: set[Operation] = {("GET", "/health"), ("GET", "/ready")}
"""Routes that need no key and know no account."""

OF_JOBS: dict[str, Callable[[Job], str]] = {"prediction_id": lambda job: job.id.hex, "job_id": lambda job: job.id.hex}
IDS = OF_JOBS | {"key_id": lambda job: job.key_id.hex}
"""What stands for each path parameter: something of the owner's; `OF_JOBS` is gone when the job is."""

NOBODY = "0" * 32

BODIES: dict[Operation, object] = {}
"""What to send to routes that have both a path parameter and a body."""

LISTS: dict[Operation, tuple[object, Callable[[Any], list[Any]]]] = {
    ("GET", "/v1/jobs"): (None, lambda body: body["jobs"]),
    ("POST", "/api/v3/predictions"): (
        {"page": 1, "page_size": 100, "include_inputs": True},
        lambda body: body["data"]["items"],
    ),
}
"""Routes that list jobs, with what to send them; each must be empty for a stranger."""

SPENT: dict[Operation, tuple[object, Callable[[Any], list[Any]]]] = {
    ("GET", "/v1/ledger"): (None, lambda body: body["entries"]),
    ("GET", "/v1/usage"): (None, lambda body: body["days"]),
    ("POST", "/api/v3/billings/search"): ({}, lambda body: body["data"]["items"]),
    ("POST", "/api/v3/user/usage_stats"): ({}, lambda body: body["data"]["per_model_usage"]),
}
"""The same for what jobs came to, which no deletion takes back."""

ALIKE: dict[Operation, object] = {
    ("GET", "/api/v3/models"): None,
    ("POST", "/api/v3/model/price"): {"model_id": factories.MULTI},
    ("POST", "/api/v3/model/pricing"): {"model_id": factories.MULTI},
}
"""Routes that tell every account the same."""

BALANCES: set[Operation] = {("GET", "/api/v3/balance"), ("GET", "/api/v3/account/balance")}
TOLD_APART: set[Operation] = BALANCES | {
    ("GET", "/api/v3/webhook/secret"),
    ("POST", "/api/v3/predictions/delete"),
    ("GET", "/v1/keys"),
    ("GET", "/v1/account"),
    ("PATCH", "/v1/account"),
}
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
"""Routes that order something new of the caller's own; nothing of the owner's may shine through."""

MAKES_KEYS: dict[Operation, Ask] = {
    ("POST", "/v1/keys"): post("/v1/keys", json={"name": "another", "scopes": ["manage"]})
}

RIGHTS: dict[Scope, set[Operation]] = {
    "submit": {
        *MAKERS,
        ("DELETE", "/api/v3/predictions/{prediction_id}"),
        ("POST", "/api/v3/predictions/delete"),
        ("POST", "/v1/jobs/{job_id}/cancel"),
        ("POST", "/v1/jobs/{job_id}/rerun"),
    },
    "read": {
        *LISTS,
        *SPENT,
        *ALIKE,
        *BALANCES,
        ("GET", "/api/v3/predictions/{prediction_id}"),
        ("GET", "/api/v3/predictions/{prediction_id}/result"),
        ("GET", "/v1/jobs/{job_id}"),
        ("GET", "/v1/jobs/{job_id}/events"),
    },
    "manage": {
        *MAKES_KEYS,
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys/{key_id}/revoke"),
        ("GET", "/v1/account"),
        ("PATCH", "/v1/account"),
        ("GET", "/api/v3/webhook/secret"),
    },
}
"""The one right that each route asks for."""


@pytest.fixture
def operations(client: TestClient) -> set[Operation]:
    assert isinstance(client.app, FastAPI)
    return set(openapi.operations(client.app.openapi()))


@pytest.fixture
def owned(bucket: str, member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A finished job, with everything a job can have, that was paid for."""
    paying.render_for_money(monkeypatch)
    job = paying.ordered(member.caller, tags=("secret-tag",), metadata={"secret": "metadata"})
    complete(tmp_path, engine="gpu")
    return job


def test_every_route_is_walked(operations: set[Operation]) -> None:
    tables: tuple[Collection[Operation], ...] = (PUBLIC, LISTS, SPENT, MAKERS, MAKES_KEYS, ALIKE, TOLD_APART)
    walked = {found for table in tables for found in table} | {found for found in operations if "{" in found[1]}
    assert walked == operations


def test_every_route_but_the_public_ones_asks_for_one_right(operations: set[Operation]) -> None:
    asked = [found for right in RIGHTS.values() for found in right]
    assert sorted(asked) == sorted(operations - PUBLIC)


@pytest.mark.parametrize("scope", ALL)
def test_a_key_that_lacks_only_that_right_is_403(
    client: TestClient, member: Member, owned: Job, operations: set[Operation], scope: Scope
) -> None:
    narrow = paying.without_scope(member, scope)
    for operation in sorted(RIGHTS[scope]):
        refused = ask(client, operation, narrow, owned)
        assert refused.status_code == 403, (operation, refused.text)
        assert f"no right to {scope}" in refused.text, operation
        assert_silent(refused, member, owned)


@pytest.mark.parametrize("scope", ALL)
def test_a_key_that_has_only_that_right_is_let_in(client: TestClient, member: Member, owned: Job, scope: Scope) -> None:
    narrow = paying.with_scopes(member, scope)
    for operation in sorted(RIGHTS[scope]):
        answer = ask(client, operation, narrow)
        expected = {404} if "{" in operation[1] else {200, 201, 400}
        assert answer.status_code in expected, (operation, answer.text)


def test_whatever_is_named_by_an_id_is_404_to_a_stranger(
    client: TestClient, member: Member, stranger: Member, owned: Job, operations: set[Operation]
) -> None:
    named = [found for found in operations if "{" in found[1]]
    assert named
    for operation in sorted(named):
        theirs = ask(client, operation, stranger, owned)
        assert theirs.status_code == 404, (operation, theirs.text)
        assert_silent(theirs, member, owned)
        nobodys = ask(client, operation, stranger)
        assert nobodys.text == theirs.text, "what is not there and what is another's must look the same"
        if operation[0] == "GET":
            assert ask(client, operation, member, owned).status_code == 200


def test_lists_are_empty_to_a_stranger(client: TestClient, member: Member, stranger: Member, owned: Job) -> None:
    for (method, path), (body, read) in (LISTS | SPENT).items():
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
    of_jobs = [found for found in operations if parameters(found) & OF_JOBS.keys()]
    assert of_jobs
    for operation in sorted(of_jobs):
        gone, never = ask(client, operation, member, owned), ask(client, operation, member)
        assert (gone.status_code, gone.text) == (404, never.text), operation
    for (method, path), (body, read) in LISTS.items():
        assert read(client.request(method, path, headers=member.headers, json=body).json()) == [], (method, path)
    for (method, path), (body, read) in SPENT.items():
        assert read(client.request(method, path, headers=member.headers, json=body).json()) != [], (method, path)


def test_a_cursor_of_anothers_opens_nothing(client: TestClient, member: Member, stranger: Member) -> None:
    for _ in range(2):
        factories.submit(member.caller)
    cursor = client.get("/v1/jobs?limit=1", headers=member.headers).json()["next_cursor"]
    assert cursor
    assert client.get("/v1/jobs", params={"cursor": cursor}, headers=stranger.headers).json()["jobs"] == []


def test_what_a_stranger_makes_is_their_own(client: TestClient, member: Member, stranger: Member, owned: Job) -> None:
    before = client.get("/v1/jobs", headers=member.headers).json()
    for operation, make in (MAKERS | MAKES_KEYS).items():
        answer = make(client, stranger.headers)
        assert answer.is_success, (operation, answer.text)
        assert_silent(answer, member, owned)
    assert [job["id"] for job in client.get("/v1/jobs", headers=member.headers).json()["jobs"]] == [
        job["id"] for job in before["jobs"]
    ]


def test_without_a_key_every_route_but_the_public_ones_is_401(
    client: TestClient, owned: Job, operations: set[Operation]
) -> None:
    for operation in sorted(operations - PUBLIC):
        assert ask(client, operation, None, owned).status_code == 401, operation


def test_a_balance_is_its_own_accounts(client: TestClient, member: Member, stranger: Member) -> None:
    owner, other = (paying.change(one, {"is_prepaid": True}) for one in (member, stranger))
    paying.top_up(owner.caller, 7)
    for operation in sorted(BALANCES):
        assert [ask(client, operation, one).json()["data"]["balance"] for one in (owner, other)] == [7, 0]


def test_an_account_sees_and_changes_only_itself(
    client: TestClient, member: Member, stranger: Member, owned: Job
) -> None:
    before = client.get("/v1/account", headers=member.headers).json()
    assert before["month_usd"] > 0
    theirs = client.patch("/v1/account", json={"budget_soft_usd": 5}, headers=stranger.headers)
    assert (theirs.json()["name"], theirs.json()["month_usd"]) == ("stranger", 0)
    assert client.get("/v1/account", headers=stranger.headers).json() == theirs.json()
    assert client.get("/v1/account", headers=member.headers).json() == before


def test_keys_are_listed_to_their_own_account(client: TestClient, member: Member, stranger: Member) -> None:
    for one in (member, stranger):
        found = client.get("/v1/keys", headers=one.headers).json()["keys"]
        assert [key["id"] for key in found] == [one.caller.key_id.hex]


def ask(client: TestClient, operation: Operation, member: Member | None, owned: Job | None = None) -> Response:
    """Ask as it should be asked, about what is owned, or about what is not there."""
    headers = member.headers if member else {}
    if make := (MAKERS | MAKES_KEYS).get(operation):
        return make(client, headers)
    method, path = operation
    body, _ = (LISTS | SPENT).get(operation, (BODIES.get(operation, ALIKE.get(operation)), None))
    place = path.format_map({name: value(owned) if owned else NOBODY for name, value in IDS.items()})
    answer: Response = client.request(method, place, headers=headers, json=body)
    return answer


def parameters(operation: Operation) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(operation[1]) if name}


def assert_silent(answer: Response, owner: Member, job: Job) -> None:
    """Nothing of the owner's stands in the answer."""
    for secret in (job.id.hex, owner.caller.account_id.hex, "secret-tag"):
        assert secret not in answer.text
