"""Promises about an archive that is not kept for ever: whole months leave it, and of money nothing does."""

import uuid
from datetime import UTC, datetime

import pytest

from jobs import history, retention, settings
from jobs.accounts import Caller
from jobs.rules import months
from tests.past import age, archived, completed, execute, let_go

THIS_MONTH = datetime.now(UTC).date().replace(day=1)


def archive_one(caller: Caller, months_ago: int) -> uuid.UUID:
    """An archived job that was created so long ago."""
    job_id = uuid.UUID(int=months.first_id(months.after(THIS_MONTH, -months_ago)).int + 5)
    job = completed(caller)
    for table, column in (("jobs", "id"), ("events", "job_id"), ("ledger_entries", "job_id")):
        execute(f"UPDATE {table} SET {column} = :to WHERE {column} = :id", to=job_id, id=job.id)  # noqa: S608 - the names above
    age(days=8)
    retention.archive(let_go())
    retention.make_months()
    return job_id


def keep(patch: pytest.MonkeyPatch, count: int) -> None:
    patch.setenv("DUOLOGUE_KEEP_ARCHIVE_MONTHS", str(count))
    settings.load.cache_clear()


def test_the_archive_is_kept_for_ever_unless_told_otherwise(caller: Caller) -> None:
    job = archive_one(caller, months_ago=30)
    assert retention.drop_months() == 0
    assert list(archived()) == [job]


def test_months_before_those_that_are_kept_leave_whole(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    archive_one(caller, months_ago=4)
    kept = archive_one(caller, months_ago=3)
    keep(monkeypatch, 3)
    assert retention.drop_months() == 1
    assert list(archived()) == [kept]
    assert execute("SELECT DISTINCT job_id FROM archived_events") == [(kept,)]
    assert retention.make_months() + retention.drop_months() == 0
    assert [found.invariant for found in history.check() if found.broken] == []


def test_what_comes_into_the_archive_too_late_is_not_kept_in_the_net(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(monkeypatch, 1)
    archive_one(caller, months_ago=6)
    retention.drop_months()
    assert archived() == {}
