"""Promises about the ledger as its account reads it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from jobs import ledger
from jobs.database import transaction
from tests import paying
from tests.conftest import Member


@pytest.fixture(autouse=True)
def _for_money(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def page(client: TestClient, member: Member, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
    answer = client.get("/v1/ledger", params=query, headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_all_changes_add_up_to_the_balance(client: TestClient, member: Member) -> None:
    paying.top_up(member.caller, 5)
    with transaction() as session:
        ledger.adjust(session, member.caller.account_id, Decimal("-0.5"), "counted wrong")
    job = paying.paid(member.caller)
    paying.ordered(member.caller)
    entries = page(client, member)["entries"]
    assert [entry["kind"] for entry in entries] == ["hold", "capture", "hold", "hold", "adjust", "topup"]
    account = client.get("/v1/account", headers=member.headers).json()
    for change, sum_usd in (("available_change_usd", "available_usd"), ("held_change_usd", "held_usd")):
        assert round(sum(entry[change] for entry in entries), 6) == account[sum_usd]
    assert entries[1] | {"id": 0, "at": ""} == {
        "id": 0,
        "at": "",
        "kind": "capture",
        "amount_usd": 0.6,
        "available_change_usd": 0.0,
        "held_change_usd": -0.6,
        "job_id": job.id.hex,
        "model": job.model,
        "key_id": member.caller.key_id.hex,
        "note": "",
    }
    assert [entry["note"] for entry in entries[-2:]] == ["counted wrong", "an invoice"]
    assert "-0.0" not in client.get("/v1/ledger", headers=member.headers).text, "nothing is nothing, not less"


def test_pages_join_without_a_gap(client: TestClient, member: Member) -> None:
    for amount in range(1, 6):
        paying.top_up(member.caller, amount)
    found = page(client, member, limit=2)
    amounts = [entry["amount_usd"] for entry in found["entries"]]
    while found["next_cursor"]:
        found = page(client, member, limit=2, cursor=found["next_cursor"])
        amounts += [entry["amount_usd"] for entry in found["entries"]]
    assert amounts == [5, 4, 3, 2, 1]


def test_filters_narrow_the_ledger(client: TestClient, member: Member) -> None:
    paying.top_up(member.caller, 5)
    job, other = paying.ordered(member.caller), paying.ordered(member.caller)

    def found(**query: Any) -> list[tuple[str, str | None]]:  # noqa: ANN401 - httpx's own
        return [(entry["kind"], entry["job_id"]) for entry in page(client, member, **query)["entries"]]

    assert found(kind=["topup", "adjust"]) == [("topup", None)]
    assert found(job_id=job.id.hex) == [("hold", job.id.hex)]
    assert found(job_id="no id") == []
    moment = other.created_at
    assert found(since=moment.isoformat()) == [("hold", other.id.hex)]
    assert found(until=(moment - timedelta(days=1)).isoformat()) == []


def test_a_cursor_of_ones_own_making_is_an_empty_page_or_a_sentence(client: TestClient, member: Member) -> None:
    paying.top_up(member.caller, 1)
    assert len(page(client, member, cursor="_" * 22)["entries"]) == 1, "after the greatest id there is"
    assert page(client, member, cursor="A" * 22)["entries"] == []
