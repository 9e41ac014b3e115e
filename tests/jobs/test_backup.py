"""The page on backups, tried: what pg_dump takes and pg_restore brings keeps every promise."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from cli.doctor import sessions as doctor
from cli.doctor.finding import Verdict
from cli.stack import wheels
from jobs import history, schema, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.submission import Wish
from jobs.tables import Base
from tests import past
from tests.conftest import administer, of_database, set_settings
from tests.factories import MULTI, form

PROGRAMS = wheels.postgres("DUOLOGUE_DATABASE_URL") / "bin"


@pytest.fixture
def elsewhere(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """The settings of an empty database."""
    name = f"test_{uuid.uuid4().hex}"
    administer(servers, f"CREATE DATABASE {name}")
    yield of_database(servers, name)
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_restored_dump_holds_every_row_and_keeps_every_promise(
    database: dict[str, str],
    elsewhere: dict[str, str],
    caller: Caller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    past.completed(caller)
    submission.submit(caller, Wish(model=MULTI, inputs=form()))
    before = rows()
    dump = str(tmp_path / "duologue.dump")
    run("pg_dump", "--format=custom", f"--file={dump}", url(database))
    run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={url(elsewhere)}", dump)
    set_settings(monkeypatch, elsewhere)
    schema.upgrade()
    assert rows() == before
    assert [found.invariant for found in history.check() if found.broken] == []
    set_settings(monkeypatch, elsewhere)  # new sessions: what is open keeps its habits
    assert doctor.limits().verdict is Verdict.OK
    submission.submit(caller, Wish(model=MULTI, inputs=form()))


def rows() -> dict[str, int]:
    with transaction() as session:
        return {
            table: session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our own tables
            for table in Base.metadata.tables
        }


def url(settings: dict[str, str]) -> str:
    return settings["DUOLOGUE_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")


def run(program: str, *words: str) -> None:
    subprocess.run([PROGRAMS / program, *words], check=True, capture_output=True, text=True)
