"""Promises about the views: explained, true to a known history, quick to answer, and all that their role may read."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from jobs import hours, lifecycle, retention, settings, views, webhooks
from jobs.accounts import Caller
from jobs.errors import EngineError
from tests import factories
from tests.house import tree
from tests.past import age, completed, execute, let_go

PAGE = tree.text("docs/views.md")
QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
TOLD = {
    (view, column): meaning
    for view, table in re.findall(r"^### ops\.(\w+)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    for column, meaning in re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)
}
KEPT = """
    SELECT relname, attname, col_description(pg_class.oid, attnum) FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'ops'
    JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relkind = 'v' AND attnum > 0
"""
NAMES = {"queue_health", "hourly", "failures_hourly", "cost_daily", "engine_health", "account_usage"}
NAMES |= {"webhook_health", "job_timeline"}
SECRET = "hush"

Reader = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def reader(database: dict[str, str]) -> Iterator[Reader]:
    """Whoever signs in as the role of the views."""
    url = settings.load().secret("database_url").replace("postgresql+psycopg://", "postgresql://")
    password = views.new_password()
    with psycopg.connect(url, user=views.ROLE, password=password, autocommit=True) as connection:
        yield connection


def asked(reader: Reader, question: str) -> list[dict[str, Any]]:
    found = reader.execute(question.encode())
    names = [column.name for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found]


def of_view(reader: Reader, view: str, such: str = "") -> list[dict[str, Any]]:
    return asked(reader, f"SELECT * FROM ops.{view} {such}")  # noqa: S608 - our own words


def known_history(caller: Caller) -> None:
    """One that completed and paid, one that failed, one cancelled, one running, two waiting, one of them later."""
    url = f"https://hooks.example.com/{SECRET}?key={SECRET}"
    webhooks.register(caller, url=url, kinds=["job.completed"], description=SECRET)
    completed(caller, inputs={"prompt": SECRET}, tags=[SECRET], webhook_url=f"https://one.example.com/{SECRET}")
    execute("UPDATE jobs SET price_usd = 0.30, cost_usd = 0.10, started_at = created_at + interval '2 s'")
    execute("UPDATE jobs SET finished_at = started_at + interval '10 s'")
    factories.submit(caller, inputs={"prompt": SECRET})
    lifecycle.stumble(factories.claim(), EngineError(SECRET, permanent=True))
    lifecycle.cancel(caller, factories.submit(caller).id)
    factories.submit(caller)
    factories.claim()
    factories.submit(caller)
    factories.submit(caller)
    execute("UPDATE jobs SET due_at = now() + interval '1 h' WHERE id = (SELECT id FROM jobs ORDER BY id DESC LIMIT 1)")
    hours.count_due()


def test_every_column_is_explained_and_the_page_says_the_same(database: dict[str, str]) -> None:
    kept = {(view, column): meaning for view, column, meaning in execute(KEPT)}
    assert {view for view, _ in kept} == NAMES
    assert [column for column, meaning in kept.items() if not meaning] == []
    assert kept == TOLD


def test_a_known_history_is_told_as_it_was(caller: Caller, reader: Reader) -> None:
    known_history(caller)
    [queue] = asked(reader, "SELECT * FROM ops.queue_health WHERE engine = 'preview'")
    assert (queue["waiting"], queue["due"], queue["running"], queue["forwarded"]) == (2, 1, 1, 0)
    assert 0 < queue["oldest_due_seconds"] < 60
    [total] = asked(
        reader, "SELECT sum(accepted) AS accepted, sum(completed) AS done, sum(failed) AS failed FROM ops.hourly"
    )
    assert total == {"accepted": 6, "done": 1, "failed": 1}
    [paced] = asked(reader, "SELECT wait_p50_seconds, run_p95_seconds FROM ops.hourly WHERE completed > 0")
    assert paced == {"wait_p50_seconds": 2.0, "run_p95_seconds": 10.0}
    [failure] = asked(reader, "SELECT error_class, jobs FROM ops.failures_hourly")
    assert failure == {"error_class": "engine", "jobs": 1}
    [cost] = asked(reader, "SELECT sum(margin_usd) AS usd, sum(video_seconds) AS seconds FROM ops.cost_daily")
    assert (float(cost["usd"]), cost["seconds"]) == (0.2, 4.0)
    [health] = asked(reader, "SELECT * FROM ops.engine_health WHERE engine = 'preview'")
    assert (health["completed_24h"], health["failed_24h"], health["success_ratio_24h"]) == (1, 1, 0.5)
    [usage] = asked(reader, "SELECT account, completed, failed, cancelled, price_usd FROM ops.account_usage")
    assert (usage.pop("account"), float(usage.pop("price_usd"))) == (caller.account, 0.3)
    assert usage == {"completed": 1, "failed": 1, "cancelled": 1}
    receivers = asked(reader, "SELECT host, owed FROM ops.webhook_health ORDER BY host")
    assert receivers == [{"host": "hooks.example.com", "owed": 1}, {"host": "one.example.com", "owed": 1}]


def test_every_question_on_the_page_is_answered(caller: Caller, reader: Reader) -> None:
    known_history(caller)
    [job] = execute("SELECT id FROM jobs WHERE status = 'completed'")
    assert len(QUESTIONS) == 10
    for question in QUESTIONS:
        assert asked(reader, question.replace("019a2f3e7d407c419e2b3f5a1c0d9e8f", job.id.hex)), question


def test_no_view_tells_what_a_caller_wrote(caller: Caller, reader: Reader) -> None:
    known_history(caller)
    for view in NAMES:
        assert SECRET not in str(of_view(reader, view)), view


def test_the_role_reads_nothing_but_the_views_and_writes_nothing(caller: Caller, reader: Reader) -> None:
    for table in ("jobs", "accounts", "api_keys", "endpoints", "events", "archived_jobs", "finished_hours"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(f"SELECT FROM public.{table}".encode())
    reader.execute("SET default_transaction_read_only = off")  # it is no wall, and need not be
    for statement in ("CREATE TABLE ops.mine ()", "CREATE TABLE public.mine ()", "CREATE SCHEMA mine"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        reader.execute("DELETE FROM ops.hourly")


def test_a_new_password_voids_the_one_before(database: dict[str, str]) -> None:
    url = settings.load().secret("database_url").replace("postgresql+psycopg://", "postgresql://")
    before = views.new_password()
    after = views.new_password()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url, user=views.ROLE, password=before)
    psycopg.connect(url, user=views.ROLE, password=after).close()


def test_an_archived_job_keeps_its_timeline_and_its_hour(caller: Caller, reader: Reader) -> None:
    job = completed(caller)
    age(days=8)
    retention.archive(let_go())
    told = of_view(reader, "job_timeline", f"WHERE job_id = '{job.id.hex}' ORDER BY event_id")
    assert [row["kind"] for row in told] == ["job.created", "job.claimed", "job.completed"]
    [ended] = execute("SELECT date_trunc('hour', finished_at) AS hour FROM archived_jobs")
    hours.count(ended.hour)
    assert asked(reader, "SELECT completed FROM ops.hourly") == [{"completed": 1}]
