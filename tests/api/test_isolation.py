"""The promises that an account sees nothing of another's and a key does no more than it may, walked over every route.

The tables they walk are in `routes.py`.
"""

from pathlib import Path

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from api import openapi
from jobs import batches, webhooks
from jobs.batches import BatchWish
from jobs.rules.scopes import ALL, Scope
from tests import factories, paying
from tests.api.rendering import complete
from tests.api.routes import (
    ALIKE,
    BALANCES,
    FOUNDERS,
    LISTS,
    MAKERS,
    OF_JOBS,
    PUBLIC,
    RIGHTS,
    STAYING,
    TOLD_APART,
    Operation,
    Owned,
    ask,
    parameters,
)
from tests.conftest import Member


@pytest.fixture
def operations(client: TestClient) -> set[Operation]:
    assert isinstance(client.app, FastAPI)
    return set(openapi.operations(client.app.openapi()))


@pytest.fixture
def owned(bucket: str, member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Owned:
    """A finished job, with everything a job can have, that was paid for and told of."""
    paying.render_for_money(monkeypatch)
    caller = member.caller
    endpoint = webhooks.register(caller, url="https://secret.example/hook", kinds=["job.completed"])
    job = paying.ordered(caller, tags=("secret-tag",), metadata={"secret": "metadata"})
    complete(tmp_path, engine="gpu")
    [delivery] = webhooks.deliveries(caller, endpoint.id, status=None, older_than=None, limit=2)
    ids = {"job_id": job.id, "prediction_id": job.id, "key_id": caller.key_id}
    batch, _ = batches.create_from_array(caller, BatchWish(metadata={"secret": "metadata"}), [factories.line()])
    ids |= {"webhook_id": endpoint.id, "delivery_id": delivery.id, "batch_id": batch.id}
    return Owned(job, {name: value.hex for name, value in ids.items()})


def test_every_route_is_walked(operations: set[Operation]) -> None:
    named = {found for found in operations if parameters(found)}
    assert named.union(PUBLIC, LISTS, STAYING, MAKERS, FOUNDERS, ALIKE, TOLD_APART) == operations


def test_every_route_but_the_public_ones_asks_for_one_right(operations: set[Operation]) -> None:
    asked = [found for right in RIGHTS.values() for found in right]
    assert sorted(asked) == sorted(operations - PUBLIC)


@pytest.mark.parametrize("scope", ALL)
def test_a_key_that_lacks_only_that_right_is_403(
    client: TestClient, member: Member, owned: Owned, operations: set[Operation], scope: Scope
) -> None:
    narrow = paying.without_scope(member, scope)
    for operation in sorted(RIGHTS[scope]):
        refused = ask(client, operation, narrow, owned)
        assert refused.status_code == 403, (operation, refused.text)
        assert f"no right to {scope}" in refused.text, operation
        assert_silent(refused, member, owned)


@pytest.mark.parametrize("scope", ALL)
def test_a_key_that_has_only_that_right_is_let_in(
    client: TestClient, member: Member, owned: Owned, scope: Scope
) -> None:
    narrow = paying.with_scopes(member, scope)
    for operation in sorted(RIGHTS[scope]):
        answer = ask(client, operation, narrow)
        expected = {404} if "{" in operation[1] else {200, 201, 400}
        assert answer.status_code in expected, (operation, answer.text)


def test_whatever_is_named_by_an_id_is_404_to_a_stranger(
    client: TestClient, member: Member, stranger: Member, owned: Owned, operations: set[Operation]
) -> None:
    named = [found for found in operations - PUBLIC if parameters(found)]
    assert named
    for operation in sorted(named):
        theirs = ask(client, operation, stranger, owned)
        assert theirs.status_code == 404, (operation, theirs.text)
        assert_silent(theirs, member, owned)
        nobodys = ask(client, operation, stranger)
        assert nobodys.text == theirs.text, "what is not there and what is another's must look the same"
        if operation[0] == "GET":
            assert ask(client, operation, member, owned).status_code == 200


def test_lists_are_empty_to_a_stranger(client: TestClient, member: Member, stranger: Member, owned: Owned) -> None:
    for (method, path), (body, read) in (LISTS | STAYING).items():
        theirs = client.request(method, path, headers=stranger.headers, json=body)
        assert read(theirs.json()) == [], (method, path)
        assert_silent(theirs, member, owned)
        assert read(client.request(method, path, headers=member.headers, json=body).json()) != []


def test_what_is_the_same_for_all_says_nothing_of_anybody(
    client: TestClient, member: Member, stranger: Member, owned: Owned
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
    client: TestClient, member: Member, stranger: Member, owned: Owned
) -> None:
    theirs, nobodys = (
        client.post("/api/v3/predictions/delete", json={"ids": [job_id]}, headers=stranger.headers)
        for job_id in (owned.job.id.hex, "0" * 32)
    )
    assert theirs.text == nobodys.text
    assert theirs.json()["data"] == {"deleted_count": 0}
    assert client.get(f"/v1/jobs/{owned.job.id.hex}", headers=member.headers).status_code == 200


def test_what_was_deleted_is_gone_at_every_route(
    client: TestClient, member: Member, owned: Owned, operations: set[Operation]
) -> None:
    client.delete(f"/api/v3/predictions/{owned.job.id.hex}", headers=member.headers).raise_for_status()
    of_jobs = [found for found in operations if parameters(found) & OF_JOBS]
    assert of_jobs
    for operation in sorted(of_jobs):
        gone, never = ask(client, operation, member, owned), ask(client, operation, member)
        assert (gone.status_code, gone.text) == (404, never.text), operation
    for (method, path), (body, read) in LISTS.items():
        assert read(client.request(method, path, headers=member.headers, json=body).json()) == [], (method, path)
    for (method, path), (body, read) in STAYING.items():
        assert read(client.request(method, path, headers=member.headers, json=body).json()) != [], (method, path)


def test_a_cursor_of_anothers_opens_nothing(client: TestClient, member: Member, stranger: Member) -> None:
    for _ in range(2):
        factories.submit(member.caller)
    cursor = client.get("/v1/jobs?limit=1", headers=member.headers).json()["next_cursor"]
    assert cursor
    assert client.get("/v1/jobs", params={"cursor": cursor}, headers=stranger.headers).json()["jobs"] == []


def test_what_a_stranger_makes_is_their_own(client: TestClient, member: Member, stranger: Member, owned: Owned) -> None:
    before = client.get("/v1/jobs", headers=member.headers).json()
    for operation, make in (MAKERS | FOUNDERS).items():
        answer = make(client, stranger.headers)
        assert answer.is_success, (operation, answer.text)
        assert_silent(answer, member, owned)
    assert [job["id"] for job in client.get("/v1/jobs", headers=member.headers).json()["jobs"]] == [
        job["id"] for job in before["jobs"]
    ]


def test_without_a_key_every_route_but_the_public_ones_is_401(
    client: TestClient, owned: Owned, operations: set[Operation]
) -> None:
    for operation in sorted(operations - PUBLIC):
        assert ask(client, operation, None, owned).status_code == 401, operation


def test_a_balance_is_its_own_accounts(client: TestClient, member: Member, stranger: Member) -> None:
    owner, other = (paying.change(one, {"is_prepaid": True}) for one in (member, stranger))
    paying.top_up(owner.caller, 7)
    for operation in sorted(BALANCES):
        assert [ask(client, operation, one).json()["data"]["balance"] for one in (owner, other)] == [7, 0]


def test_an_account_sees_and_changes_only_itself(
    client: TestClient, member: Member, stranger: Member, owned: Owned
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


def assert_silent(answer: Response, owner: Member, owned: Owned) -> None:
    """Nothing of the owner's stands in the answer."""
    for secret in (*owned.ids.values(), owner.caller.account_id.hex, "secret-tag", "secret.example"):
        assert secret not in answer.text
