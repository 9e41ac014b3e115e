from typing import Any

import pytest
from starlette.testclient import TestClient

from jobs import dispatch, listing, presence
from tests import paying
from tests.conftest import Member


def asked(client: TestClient, member: Member, **query: object) -> Any:  # noqa: ANN401 - JSON
    dispatch.forget()
    answer = client.get("/v1/route", params=query, headers=member.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.usefixtures("client")
def test_a_route_is_explained_and_nothing_is_ordered(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying.render_for_money(monkeypatch)
    presence.beat("worker-1", ["gpu"], slots=2, version="0")
    said = asked(client, member, model="wavespeed-ai/infinitetalk/multi", duration_seconds=60, resolution="720p")
    assert (said["engine"], said["reason"]) == ("gpu", "auto: gpu, because cloud is not configured here")
    assert said["price_usd"] == 3.6
    gpu, cloud, preview = said["considered"]
    assert (gpu["is_ready"], gpu["wait_seconds"], cloud["is_ready"], cloud["wait_seconds"]) == (True, 0, False, None)
    assert gpu["reason"] == "on gpu it would begin at once: 0 jobs wait, 0 of 2 places are busy"
    assert preview["price_usd"] == 0
    assert client.get("/v1/jobs", headers=member.headers).json()["jobs"] == []


def test_a_route_is_what_an_order_then_takes(client: TestClient, member: Member) -> None:
    said = asked(client, member)
    job = listing.job(member.caller, paying.ordered(member.caller, engine="auto").id)
    assert (job.engine, job.engine_reason) == (said["engine"], said["reason"])


def test_a_route_keeps_to_what_the_account_may(client: TestClient, member: Member) -> None:
    narrow = paying.change(member, {"engines": ["gpu"]})
    refused = client.get("/v1/route", headers=narrow.headers)
    assert refused.status_code == 403
    assert "it may on gpu" in refused.json()["error"]["message"]
