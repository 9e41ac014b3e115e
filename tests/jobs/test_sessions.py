"""Promises about our sessions in Postgres, above all when PgBouncer lends them out one transaction at a time."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from cli.doctor import sessions as doctor
from cli.doctor.finding import Verdict
from jobs import database, listing, schema, sessions, submission
from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.submission import Wish
from tests.conftest import administer, forget_settings, make_member, of_database, set_settings
from tests.factories import MULTI, form
from tests.servers.pgbouncer import pgbouncer


@pytest.fixture
def pooled(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's settings lead to an empty database by way of PgBouncer."""
    name = f"test_{uuid.uuid4().hex}"
    administer(servers, f"CREATE DATABASE {name}")
    with pgbouncer(of_database(servers, name)["DUOLOGUE_DATABASE_URL"]) as url:
        set_settings(monkeypatch, servers | {"DUOLOGUE_DATABASE_URL": url})
        yield
        forget_settings()
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.usefixtures("pooled")
def test_all_is_well_by_way_of_a_pooler_that_has_fewer_sessions_than_clients() -> None:
    schema.upgrade()
    schema.upgrade()
    caller = make_member("acme").caller
    with ThreadPoolExecutor(10) as callers:
        orders = callers.map(lambda _: submission.submit(caller, Wish(model=MULTI, inputs=form())), range(40))
        jobs = [order.id for order in orders]
    assert {listing.job(caller, job).status for job in jobs} == {"waiting"}
    with transaction() as session:
        assert sessions.are_lent(session)
    assert (doctor.budget().verdict, "max_client_conn" in doctor.budget().says) == (Verdict.OK, True)


@pytest.mark.usefixtures("pooled")
def test_our_limits_hold_in_sessions_that_we_did_not_open() -> None:
    assert doctor.limits().verdict is Verdict.WARNING
    schema.upgrade()
    end_every_session()
    assert doctor.limits().verdict is Verdict.OK
    with transaction() as session:
        assert session.execute(text("SHOW statement_timeout")).scalar_one() == "30s"


def end_every_session() -> None:
    """Those of the pooler, too: what was open before the migrations keeps its old habits."""
    database.engine().dispose()
    with transaction() as session:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        session.execute(text(f"{others} AND pid <> pg_backend_pid()"))
    with pytest.raises(Unavailable), transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.usefixtures("database")
def test_sessions_of_our_own_are_not_taken_for_lent_ones() -> None:
    with transaction() as session:
        assert not sessions.are_lent(session)


@pytest.mark.usefixtures("database")
def test_the_doctor_says_when_there_may_be_more_sessions_than_postgres_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.budget().verdict is not Verdict.FAILURE
    set_settings(monkeypatch, {"DUOLOGUE_DATABASE_POOL_SIZE": "150"})
    found = doctor.budget()
    assert found.verdict is Verdict.FAILURE
    assert "up to 301, 150 each" in found.says
    assert "DUOLOGUE_DATABASE_POOL_SIZE" in found.advice


@pytest.mark.usefixtures("database")
def test_what_takes_too_long_is_not_told_as_a_database_that_is_away() -> None:
    for ask in (too_long, too_long_for_the_driver):
        with pytest.raises(Unavailable, match="took too long over this; ask for less") as told:
            ask()
        assert told.value.retry_after_seconds is None


def too_long() -> None:
    with transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '10ms'"))
        session.execute(text("SELECT pg_sleep(10)"))


def too_long_for_the_driver() -> None:
    with transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '10ms'"))
        database.cursor_of(session).execute("SELECT pg_sleep(10)")
