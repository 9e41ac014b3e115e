"""Promises about polls and orders that are answered ahead of the framework: nobody can tell by the answer."""

from typing import Any, Never

import pytest
from starlette.testclient import TestClient

from api.gathering import Gathering, in_a_thread
from tests import factories
from tests.conftest import Member

PAGE = {"Origin": "https://app.example"}
"""What a page in a browser asks takes the long way."""
UNKNOWN = {"Authorization": "Bearer duo_nobody"}


def said(client: TestClient, method: str, path: str, **request: Any) -> tuple[int, str, dict[str, str]]:  # noqa: ANN401 - as httpx takes it
    answer = client.request(method, path, **request)
    headers = {name: value for name, value in answer.headers.items() if not name.startswith("access-control")}
    return answer.status_code, answer.text, headers


@pytest.mark.parametrize("path", ["{id}/result", "{id}", "nothing", "nothing/result"])
def test_a_poll_is_answered_as_the_documented_route_does(client: TestClient, member: Member, path: str) -> None:
    place = f"/api/v3/predictions/{path.format(id=factories.submit(member.caller).id.hex)}"
    for headers in (member.headers, UNKNOWN, {}):
        short, long = (said(client, "GET", place, headers=headers | way) for way in ({}, PAGE))
        assert short[:2] == long[:2]
        assert short[2] | {"vary": ""} == long[2] | {"vary": ""}
        assert "Origin" in short[2]["vary"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"image": 1}', b'{"enable_sync_mode": "perhaps"}', b"\xff"])
def test_a_wrong_order_is_answered_as_the_documented_route_does(
    client: TestClient, member: Member, body: bytes
) -> None:
    for headers in (member.headers, UNKNOWN, {}):
        short, long = (
            said(client, "POST", f"/api/v3/{factories.MULTI}", content=body, headers=headers | way)
            for way in ({}, PAGE)
        )
        assert short[:2] == long[:2]


def test_an_order_on_either_way_is_the_same_job(client: TestClient, member: Member) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    first, again = (
        client.post(f"/api/v3/{factories.MULTI}", json=factories.form(), headers=headers | way) for way in ({}, PAGE)
    )
    assert (first.status_code, first.json()) == (200, again.json())
    assert [one.headers.get("Idempotent-Replay") for one in (first, again)] == [None, "true"]


def test_a_crash_on_the_short_way_says_nothing_of_the_inside(client: TestClient, member: Member) -> None:
    def crash(_: object) -> Never:
        raise RuntimeError("secret")

    client.app.state.readings = Gathering(in_a_thread(crash))  # type: ignore[attr-defined]
    answer = client.get("/api/v3/predictions/nothing/result", headers=member.headers)
    assert (answer.status_code, answer.json()["error_code"]) == (500, "internal")
    assert "secret" not in answer.text
