"""Promises about the probes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import anyio
import anyio.to_thread
import pytest
from starlette.testclient import TestClient

from api import health
from api.app import create_app
from jobs import clock, schema
from tests.conftest import administer, of_database, set_settings

NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


@pytest.fixture
def without_database(monkeypatch: pytest.MonkeyPatch, database: dict[str, str]) -> TestClient:
    set_settings(monkeypatch, {**database, "DUOLOGUE_DATABASE_URL": NOWHERE})
    return TestClient(create_app(), raise_server_exceptions=False)


def test_ready_is_200_when_jobs_can_be_taken(client: TestClient) -> None:
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "missing": []})


def test_without_a_database_we_live_and_say_what_is_missing(without_database: TestClient) -> None:
    assert without_database.get("/health").status_code == 200
    answer = without_database.get("/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "missing": ["The database cannot be reached."]}


def test_probes_may_ask_for_the_head_alone(client: TestClient) -> None:
    assert [client.head(path).status_code for path in ("/health", "/ready")] == [200, 200]


def test_a_clock_that_is_set_back_keeps_nothing_from_being_looked_at_again(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/ready").status_code == 200
    an_hour_ago = clock.now() - timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: an_hour_ago)
    monkeypatch.setattr(health, "_REMEMBERED_SECONDS", 0.0)
    monkeypatch.setattr(schema, "is_current", lambda: False)
    assert client.get("/ready").status_code == 503


def test_we_live_while_every_thread_waits_for_somebody(client: TestClient) -> None:
    may_end = threading.Event()

    async def wait() -> None:
        await anyio.to_thread.run_sync(may_end.wait)

    async def fill() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(60):
                group.start_soon(wait)

    assert client.portal is not None
    with ThreadPoolExecutor() as prober:
        waiting = client.portal.start_task_soon(fill)
        try:
            assert prober.submit(client.get, "/health").result(10).status_code == 200
        finally:
            may_end.set()
            waiting.result(10)


def test_without_the_migrations_we_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, servers: dict[str, str], database: dict[str, str]
) -> None:
    administer(servers, "CREATE DATABASE empty_one")
    set_settings(monkeypatch, {**database, **of_database(servers, "empty_one")})
    answer = TestClient(create_app()).get("/ready")
    assert answer.status_code == 503
    assert "migrat" in answer.json()["missing"][0]


@pytest.mark.parametrize("path", ["/api/v3/predictions/00", "/v1/jobs"])
def test_without_a_database_both_faces_answer_503_and_when_to_come_back(
    without_database: TestClient, path: str
) -> None:
    answer = without_database.get(path, headers={"Authorization": "Bearer duo_x"})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
