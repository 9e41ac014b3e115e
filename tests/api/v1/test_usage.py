"""Promises about the counts of an account's jobs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from jobs import clock, lifecycle
from jobs.errors import EngineError, MediaError
from tests import factories, past, paying
from tests.api.shapes import as_ours
from tests.conftest import Member

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _for_money(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def usage(client: TestClient, member: Member, **query: str) -> dict[str, Any]:
    answer = client.get("/v1/usage", params=query, headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_days_models_and_engines_add_up_to_the_total(client: TestClient, member: Member) -> None:
    caller = member.caller
    paying.antedate(paying.paid(caller), NOON)
    paying.antedate(paying.failed(caller, EngineError("broke", permanent=True)), NOON)
    paying.antedate(paying.failed(caller, MediaError("image", "is not a picture")), NOON)
    paying.antedate(past.completed(caller, engine="preview"), NOON)
    cancelled = paying.ordered(caller)
    lifecycle.cancel(caller, cancelled.id)
    paying.antedate(cancelled, NOON + timedelta(days=1))
    paying.antedate(paying.ordered(caller), NOON + timedelta(days=1))
    nothing = {"jobs": 0, "completed": 0, "failed": 0, "cancelled": 0, "unfinished": 0, "cost_usd": 0}
    of_model = {"model": factories.MULTI}
    gpu, preview = {"engine": "gpu", "gpu_seconds": 1.5}, {"engine": "preview", "gpu_seconds": None}
    second = {"cancelled": 1, "unfinished": 1, "cost_usd": 0.15}
    assert usage(client, member, first_day="2026-03-14", last_day="2026-03-15") == {
        "first_day": "2026-03-14",
        "last_day": "2026-03-15",
        "days": [
            nothing | of_model | gpu | {"day": "2026-03-14", "jobs": 3, "completed": 1, "failed": 2, "cost_usd": 0.6},
            nothing | of_model | preview | {"day": "2026-03-14", "jobs": 1, "completed": 1},
            nothing | of_model | gpu | second | {"day": "2026-03-15", "jobs": 2, "gpu_seconds": 0.0},
        ],
        "failures": [{"error_class": "engine", "jobs": 1}, {"error_class": "input", "jobs": 1}],
        "total": {
            "jobs": 6,
            "completed": 2,
            "failed": 2,
            "cancelled": 1,
            "unfinished": 1,
            "cost_usd": 0.75,
            "gpu_seconds": 1.5,
            "success_ratio": 0.5,
        },
    }


def test_days_nobody_gave_are_the_last_thirty(client: TestClient, member: Member) -> None:
    paying.antedate(paying.ordered(member.caller), clock.now() - timedelta(days=31))
    paying.ordered(member.caller)
    found = usage(client, member)
    assert found["total"]["jobs"] == 1
    span = datetime.fromisoformat(found["last_day"]) - datetime.fromisoformat(found["first_day"])
    assert span == timedelta(days=29)


def test_one_model_is_counted_alone(client: TestClient, member: Member) -> None:
    paying.ordered(member.caller)
    assert usage(client, member, model="wavespeed-ai/infinitetalk")["total"]["jobs"] == 0
    assert usage(client, member, model=factories.MULTI)["total"]["jobs"] == 1


def test_nothing_has_no_success_ratio(client: TestClient, member: Member) -> None:
    found = usage(client, member)
    assert (found["days"], found["failures"]) == ([], [])
    assert (found["total"]["success_ratio"], found["total"]["gpu_seconds"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"first_day": "2026-03-15", "last_day": "2026-03-14"}, "first_day"),
        ({"first_day": "2025-03-13", "last_day": "2026-03-14"}, "first_day"),
        ({"first_day": "0001-01-01"}, "first_day"),
        ({"first_day": "soon"}, "first_day"),
        ({"last_day": "2026-03-14T12:00:00Z"}, "last_day"),
        ({"model": "\x00"}, "model"),
    ],
)
def test_days_that_cannot_be_counted_are_refused(
    client: TestClient, member: Member, query: dict[str, str], field: str
) -> None:
    answer = client.get("/v1/usage", params=query, headers=member.headers)
    assert as_ours(answer) == (400, "wrong_input", field)


def test_the_first_and_the_last_day_there_are_can_be_asked_for(client: TestClient, member: Member) -> None:
    assert usage(client, member, last_day="0001-01-01")["days"] == []
    assert usage(client, member, first_day="9999-12-01", last_day="9999-12-31")["days"] == []
    assert usage(client, member, first_day="2025-03-14", last_day="2026-03-14")["days"] == []
