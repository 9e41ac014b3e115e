"""Promises about what an account is shown of itself, and the one thing it may change."""

from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import factories, paying
from tests.api.shapes import as_ours
from tests.conftest import Member

ACCOUNT = "/v1/account"


@pytest.fixture(autouse=True)
def _for_money(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def shown(client: TestClient, member: Member) -> dict[str, Any]:
    found: dict[str, Any] = client.get(ACCOUNT, headers=member.headers).json()
    return found


def changed(client: TestClient, member: Member, **form: object) -> dict[str, Any]:
    answer = client.patch(ACCOUNT, json=form, headers=member.headers)
    assert answer.status_code == 200, answer.text
    assert answer.json() == shown(client, member)
    found: dict[str, Any] = answer.json()
    return found


def test_an_account_sees_its_money_its_budgets_and_its_limits(client: TestClient, member: Member) -> None:
    member = paying.change(
        member,
        {
            "is_prepaid": True,
            "submits_per_minute": 60,
            "running_max": 3,
            "waiting_max": 100,
            "models": [factories.MULTI],
            "engines": ["gpu"],
            "budget_soft_usd": Decimal(8),
            "budget_hard_usd": Decimal(10),
        },
    )
    paying.top_up(member.caller, 5)
    paying.paid(member.caller)
    paying.ordered(member.caller)
    found = shown(client, member)
    assert found == {
        "name": "acme",
        "created_at": found["created_at"],
        "is_prepaid": True,
        "available_usd": 4.25,
        "held_usd": 0.15,
        "month": found["month"],
        "month_usd": 0.75,
        "weight": 1,
        "paused_at": None,
        "paused_because": None,
        "budget_soft_usd": 8.0,
        "limits": {
            "submits_per_minute": 60,
            "running_max": 3,
            "waiting_max": 100,
            "models": [factories.MULTI],
            "engines": ["gpu"],
            "budget_hard_usd": 10.0,
        },
    }
    assert found["month"].endswith("-01")


def test_an_account_without_limits_may_owe(client: TestClient, member: Member) -> None:
    paying.paid(member.caller)
    found = shown(client, member)
    assert (found["is_prepaid"], found["available_usd"], found["held_usd"]) == (False, -0.6, 0)
    assert set(found["limits"].values()) == {None}


def test_an_account_sets_and_clears_its_soft_budget(client: TestClient, member: Member) -> None:
    assert changed(client, member, budget_soft_usd=12.345678)["budget_soft_usd"] == 12.345678
    assert changed(client, member)["budget_soft_usd"] == 12.345678, "what is left out stays"
    assert changed(client, member, budget_soft_usd="20")["budget_soft_usd"] == 20
    assert changed(client, member, budget_soft_usd=None)["budget_soft_usd"] is None


@pytest.mark.parametrize("limit", ["budget_hard_usd", "limits", "is_prepaid", "submits_per_minute", "available_usd"])
def test_an_account_does_not_lift_its_own_limits(client: TestClient, member: Member, limit: str) -> None:
    member = paying.change(member, {"budget_hard_usd": Decimal(1), "is_prepaid": True})
    before = shown(client, member)
    refused = client.patch(ACCOUNT, json={limit: None, "budget_soft_usd": 3}, headers=member.headers)
    assert as_ours(refused) == (400, "wrong_input", limit)
    assert shown(client, member) == before


@pytest.mark.parametrize("amount", [0, -1, 1e-7, 1e10, 10**400, True, "much", "NaN", []])
def test_a_budget_that_is_no_amount_is_refused(client: TestClient, member: Member, amount: object) -> None:
    refused = client.patch(ACCOUNT, json={"budget_soft_usd": amount}, headers=member.headers)
    assert as_ours(refused)[:2] == (400, "wrong_input")
    assert shown(client, member)["budget_soft_usd"] is None


def test_a_job_says_what_it_costs_by_the_length_that_was_declared(client: TestClient, member: Member) -> None:
    order = {"model": factories.MULTI, "inputs": factories.form(), "engine": "gpu", "voice_seconds": 14.5}
    job = client.post("/v1/jobs", json=order, headers=member.headers).json()
    assert job["price_usd"] == 0.45
    assert shown(client, member)["held_usd"] == 0.45
