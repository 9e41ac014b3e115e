"""Migrations come one process at a time, and never keep a busy table's users waiting for long."""

import threading
import time
from typing import Any

import psycopg
import pytest

from jobs import schema
from jobs.errors import TableInUse
from tests.cli.stack.neighbours import wait_until

LOCK_SECONDS = 5
WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


def connected(environment: dict[str, str], *, autocommit: bool = False) -> "psycopg.Connection[tuple[Any, ...]]":
    url = environment["DUOLOGUE_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    return psycopg.connect(url, autocommit=autocommit)


def test_who_migrates_second_waits_for_the_first(database: dict[str, str]) -> None:
    with connected(database) as first, connected(database, autocommit=True) as looking:
        first.execute("SELECT pg_advisory_xact_lock(7305301)")  # as every release has it: env.py says why
        second = threading.Thread(target=schema.upgrade)
        second.start()
        wait_until(lambda: looking.execute(WAITING).fetchone() == (1,), what="the second waits")
        first.rollback()
        second.join()
    assert schema.is_current()


def test_a_table_in_use_stops_migrations_soon_and_with_what_to_do(database: dict[str, str]) -> None:
    began = time.monotonic()
    with connected(database) as busy:
        busy.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TableInUse, match="Nothing was changed: run `duologue migrate` again"):
            schema.upgrade()
    assert time.monotonic() - began >= LOCK_SECONDS
    schema.upgrade()
    assert schema.is_current()
