"""Promises about an account's keys, as the account manages them."""

from typing import Any

from starlette.testclient import TestClient

from tests import paying
from tests.api.shapes import as_ours
from tests.conftest import Member

KEYS = "/v1/keys"


def make(client: TestClient, member: Member, name: str, *scopes: str) -> dict[str, Any]:
    answer = client.post(KEYS, json={"name": name, "scopes": scopes}, headers=member.headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def listed(client: TestClient, member: Member, query: str = "") -> dict[str, Any]:
    answer = client.get(f"{KEYS}{query}", headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_key_that_was_made_works_and_is_shown_once(client: TestClient, member: Member) -> None:
    made = make(client, member, "laptop", "read", "submit")
    assert (made["name"], made["scopes"], made["revoked_at"]) == ("laptop", ["submit", "read"], None)
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert client.get("/v1/jobs", headers=headers).status_code == 200
    assert as_ours(client.get(KEYS, headers=headers)) == (403, "forbidden", None)
    answer = client.get(KEYS, headers=member.headers)
    assert made["key"] not in answer.text
    del made["key"]
    assert answer.json()["keys"][0] == made


def test_a_revoked_key_is_refused_and_stays_in_the_list(client: TestClient, member: Member) -> None:
    made = make(client, member, "lost laptop", "read")
    first, second = (client.post(f"{KEYS}/{made['id']}/revoke", headers=member.headers).json() for _ in range(2))
    assert first["revoked_at"] is not None
    assert first == second == listed(client, member)["keys"][0]
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {made['key']}"}).status_code == 401


def test_pages_of_keys_are_newest_first_and_join_without_a_gap(client: TestClient, member: Member) -> None:
    for name in "abcd":
        make(client, member, name, "read")
    page = listed(client, member, "?limit=2")
    names = [key["name"] for key in page["keys"]]
    while page["next_cursor"]:
        page = listed(client, member, f"?limit=2&cursor={page['next_cursor']}")
        names += [key["name"] for key in page["keys"]]
    assert names == ["d", "c", "b", "a", "tests"]


def test_a_right_that_the_sender_lacks_is_named(client: TestClient, member: Member) -> None:
    manager = paying.with_scopes(member, "manage")
    refused = client.post(KEYS, json={"name": "x", "scopes": ["read"]}, headers=manager.headers)
    assert as_ours(refused) == (403, "forbidden", "scopes")


def test_the_last_key_that_may_manage_is_revoked_only_when_that_is_said(client: TestClient, member: Member) -> None:
    place = f"{KEYS}/{member.caller.key_id.hex}/revoke"
    assert as_ours(client.post(place, headers=member.headers)) == (409, "conflict", None)
    assert client.get(KEYS, headers=member.headers).status_code == 200
    assert client.post(f"{place}?even_the_last=true", headers=member.headers).status_code == 200
    assert client.get(KEYS, headers=member.headers).status_code == 401
