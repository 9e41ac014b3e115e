"""Promises about the balance and the bill as WaveSpeed's clients ask for them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from jobs import ids, retention, settings
from jobs.errors import EngineError
from tests import paying
from tests.conftest import Member
from tests.paying import FLOOR_USD, PRICE_USD

BILL = "/api/v3/billings/search"
BALANCES = ("/api/v3/balance", "/api/v3/account/balance")
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _for_money(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def search(client: TestClient, member: Member, **wanted: object) -> dict[str, Any]:
    answer = client.post(BILL, json=wanted, headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    assert list(found) == ["page", "has_more", "items"]
    return found


def prices(client: TestClient, member: Member, **wanted: object) -> list[tuple[str, float]]:
    return [(item["billing_type"], item["price"]) for item in search(client, member, **wanted)["items"]]


def balances(client: TestClient, member: Member) -> list[Any]:
    answers = [client.get(place, headers=member.headers) for place in BALANCES]
    assert [list(answer.json()["data"]) for answer in answers] == [["balance", "currency"]] * 2
    return [answer.json()["data"]["balance"] for answer in answers]


def test_trap_13_a_balance_is_a_number_whatever_the_account(client: TestClient, member: Member) -> None:
    assert balances(client, member) == [1_000_000, 1_000_000]
    prepaid = paying.change(member, {"is_prepaid": True})
    assert balances(client, prepaid) == [0, 0]
    paying.top_up(prepaid.caller, Decimal("12.345678"))
    assert balances(client, prepaid) == [12.345678, 12.345678]
    paying.ordered(prepaid.caller)
    assert balances(client, prepaid) == [12.195678, 12.195678]


def test_the_balance_of_the_unlimited_is_as_set(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying.ordered(member.caller)
    monkeypatch.setenv("DUOLOGUE_UNLIMITED_BALANCE_USD", "12.5")
    settings.load.cache_clear()
    assert balances(client, member) == [12.5, 12.5]


def test_an_entry_has_the_contracts_fields_in_its_order(client: TestClient, member: Member) -> None:
    job = paying.paid(member.caller)
    [second, first] = search(client, member)["items"]
    assert second["uuid"] != first["uuid"]
    assert len(first["uuid"]) == 32
    created_at = datetime.fromisoformat(first["created_at"])
    assert first["created_at"].endswith("Z")
    assert timedelta() <= created_at - job.created_at < timedelta(minutes=5)
    assert list(first.items()) == [
        ("uuid", first["uuid"]),
        ("billing_type", "deduct"),
        ("price", float(FLOOR_USD)),
        ("created_at", first["created_at"]),
        ("access_key_name", "tests"),
        ("access_key_uuid", member.caller.key_id.hex),
        ("order", {"uuid": job.id.hex, "state": "done", "price": 0.15, "origin_price": 0.15}),
        ("prediction", {"uuid": job.id.hex, "model_uuid": job.model, "status": "completed"}),
    ]


def test_what_a_job_took_and_what_came_back_is_listed_and_no_capture_is(client: TestClient, member: Member) -> None:
    paying.paid(member.caller)
    paying.failed(member.caller, EngineError("broke", permanent=True))
    paying.top_up(member.caller, 5)
    refund = ("refund", float(PRICE_USD))
    taken = [("deduct", float(PRICE_USD - FLOOR_USD)), ("deduct", float(FLOOR_USD))]
    assert prices(client, member) == [refund, *taken, *taken]
    assert prices(client, member, billing_type="refund") == [refund]
    assert prices(client, member, billing_type="deduct") == [*taken, *taken]


def test_a_prediction_is_billed_in_the_faces_own_words(client: TestClient, member: Member) -> None:
    paying.failed(member.caller, EngineError("broke", permanent=True))
    running = paying.ordered(member.caller)
    paying.taken()
    waiting = paying.ordered(member.caller)
    shown = {
        item["prediction"]["uuid"]: (item["prediction"]["status"], item["order"]["state"])
        for item in search(client, member)["items"]
    }
    assert shown[waiting.id.hex] == ("created", "pre")
    assert shown[running.id.hex] == ("processing", "pre")
    assert ("failed", "done") in shown.values()


def test_a_deleted_prediction_is_billed_as_deleted(client: TestClient, member: Member) -> None:
    job = paying.paid(member.caller)
    retention.delete_jobs(member.caller, [job.id])
    for item in search(client, member)["items"]:
        assert item["prediction"] == {"uuid": job.id.hex, "model_uuid": job.model, "status": "deleted"}


def test_pages_join_without_a_gap_and_the_last_says_so(client: TestClient, member: Member) -> None:
    for _ in range(5):
        paying.ordered(member.caller)
    pages = [search(client, member, page=number, page_size=2) for number in (1, 2, 3, 4)]
    assert [page["page"] for page in pages] == [1, 2, 3, 4]
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    uuids = [item["uuid"] for page in pages for item in page["items"]]
    assert uuids == [item["uuid"] for item in search(client, member)["items"]]
    oldest_first = search(client, member, sort="created_at ASC")["items"]
    assert [item["uuid"] for item in oldest_first] == uuids[::-1]


def test_null_is_absent_and_what_nobody_knows_is_dropped(client: TestClient, member: Member) -> None:
    paying.ordered(member.caller)
    absent = dict.fromkeys(["page", "page_size", "billing_type", "start_time", "end_time", "model_uuid", "sort"])
    assert len(search(client, member, **absent, access_key_uuid="", colour="red")["items"]) == 1


def test_filters_narrow_the_bill(client: TestClient, member: Member) -> None:
    job, other = paying.ordered(member.caller), paying.ordered(paying.with_scopes(member, "submit").caller)

    def found(**wanted: object) -> list[str]:
        return [item["prediction"]["uuid"] for item in search(client, member, **wanted)["items"]]

    assert found(access_key_uuid=member.caller.key_id.hex) == [job.id.hex]
    assert found(access_key_uuid=other.key_id.hex) == [other.id.hex]
    assert found(prediction_uuids=[job.id.hex, "no id"]) == [job.id.hex]
    assert found(model_uuid=job.model) == [other.id.hex, job.id.hex]
    nothings: tuple[dict[str, object], ...] = (
        {"access_key_uuid": "no id"},
        {"access_key_uuid": ids.new_id().hex},
        {"prediction_uuids": []},
        {"model_uuid": "wavespeed-ai/infinitetalk"},
    )
    for nothing in nothings:
        assert found(**nothing) == []


@pytest.mark.parametrize(
    ("span", "is_in"),
    [
        ({"start_time": "2026-03-14T12:00:00Z"}, True),
        ({"start_time": "2026-03-14T13:00:00.000000+01:00"}, True),
        ({"start_time": "2026-03-14 12:00:00"}, True),
        ({"start_time": "2026-03-14"}, True),
        ({"start_time": "2026-03-14T12:00:00.000001Z"}, False),
        ({"start_time": "2026-03-15"}, False),
        ({"end_time": "2026-03-14"}, True),
        ({"end_time": "2026-03-14T12:00:00Z"}, True),
        ({"end_time": "2026-03-13"}, False),
        ({"start_time": "1773489600000", "end_time": 1773489600000}, True),
        ({"start_time": 1773489600001}, False),
        ({"start_time": "2026-03-14", "end_time": "2026-03-14"}, True),
    ],
)
def test_a_time_may_be_given_as_clients_write_it(
    client: TestClient, member: Member, span: dict[str, object], *, is_in: bool
) -> None:
    paying.antedate(paying.ordered(member.caller), NOON)
    assert len(search(client, member, **span)["items"]) == is_in
