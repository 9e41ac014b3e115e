"""Promises about what was used, as WaveSpeed's usage page counts it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from jobs import clock
from jobs.errors import EngineError
from tests import factories, past, paying
from tests.api.shapes import as_contract
from tests.conftest import Member

USAGE = "/api/v3/user/usage_stats"
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
SOLO = "wavespeed-ai/infinitetalk"


@pytest.fixture(autouse=True)
def _for_money(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def stats(client: TestClient, member: Member, **wanted: object) -> dict[str, Any]:
    answer = client.post(USAGE, json=wanted, headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def test_models_and_days_add_up_to_the_summary(client: TestClient, member: Member, tmp_path: Path) -> None:
    paying.antedate(paying.paid(member.caller), NOON)
    paying.antedate(paying.paid(member.caller), NOON + timedelta(days=1))
    paying.antedate(paying.failed(member.caller, EngineError("broke", permanent=True)), NOON)
    paying.antedate(past.completed(member.caller, engine="preview"), NOON)
    assert stats(client, member, start_time="2026-03-14", end_time="2026-03-15") == {
        "per_model_usage": [
            {
                "model_uuid": factories.MULTI,
                "model_type": "digital-human",
                "unit_price": 0.15,
                "total_cost": 1.2,
                "total_count": 4,
                "last_used_date": "2026-03-15",
            }
        ],
        "daily_usage": [
            {
                "date": "2026-03-14",
                "amount": 0.6,
                "count": 3,
                "models": [{"model_uuid": factories.MULTI, "amount": 0.6, "count": 3}],
            },
            {
                "date": "2026-03-15",
                "amount": 0.6,
                "count": 1,
                "models": [{"model_uuid": factories.MULTI, "amount": 0.6, "count": 1}],
            },
        ],
        "summary": {"total_cost": 1.2, "total_requests": 4, "success_requests": 3},
    }


def test_a_span_nobody_gave_is_the_last_thirty_days(client: TestClient, member: Member) -> None:
    paying.ordered(member.caller)
    paying.antedate(paying.ordered(member.caller), clock.now() - timedelta(days=31))
    assert stats(client, member)["summary"]["total_requests"] == 1
    assert stats(client, member, start_time=None, end_time="")["summary"]["total_requests"] == 1


def test_one_model_is_counted_alone(client: TestClient, member: Member) -> None:
    paying.ordered(member.caller)
    assert stats(client, member, model_uuid=SOLO) == {
        "per_model_usage": [],
        "daily_usage": [],
        "summary": {"total_cost": 0, "total_requests": 0, "success_requests": 0},
    }
    assert stats(client, member, model_uuid=factories.MULTI)["summary"]["total_requests"] == 1


@pytest.mark.parametrize(
    "span",
    [
        {"start_time": "2026-03-14", "end_time": "2026-03-13"},
        {"start_time": "2025-01-01", "end_time": "2026-03-13"},
        {"start_time": "yesterday"},
        {"start_time": "0001-01-01"},
        {"end_time": "0001-01-01T00:00:00+14:00"},
        {"start_time": 1773489600},
        {"start_time": 10**30},
        {"start_time": "9" * 5000},
        {"start_time": True},
        {"start_time": ["2026-03-14"]},
        {"start_time": 1773489600000.5},
    ],
)
def test_a_span_that_is_none_is_refused_with_the_field_and_the_fix(
    client: TestClient, member: Member, span: dict[str, object]
) -> None:
    answer = client.post(USAGE, json=span, headers=member.headers)
    assert as_contract(answer) == (400, "1401")
    assert answer.json()["message"].startswith(("start_time", "end_time"))
