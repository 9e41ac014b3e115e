"""What every test may ask for: the real servers, a database of its own, a bucket, two accounts that are strangers."""

import asyncio
import contextlib
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import psycopg
import pytest
from sqlalchemy.pool import QueuePool
from starlette.testclient import TestClient

from cli import stack
from cli.stack.postgres import ELSEWHERE
from jobs import accounts, database, doorbell, schema, settings, storage
from jobs.accounts import Caller
from tests.cli.stack.neighbours import quick_place, wait_until
from tests.house import growth
from tests.servers import chosen

# A machine that is busy is slow: that is no failure of what is tested.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

TEMPLATE = "duologue_template"
HABITS = "ALTER ROLE CURRENT_USER IN DATABASE {name} SET statement_timeout = '30s'"
STRAY_SECONDS = 60.0
"""What a thread that a test left behind is given to finish; longer than any statement may take."""


@dataclass(frozen=True)
class Member:
    """An account's caller with the key it calls with."""

    caller: Caller
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Here, for with several workers whoever writes the summary has read no folder's own conftest."""
    if any(report.nodeid.startswith("tests/house/") for report in terminalreporter.getreports("passed")):
        terminalreporter.write_line(growth.sentence())


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """As root, a database whose folder its user may not enter lies elsewhere: a test's own would stay there."""
    yield
    left = list[Path]()
    for note in ELSEWHERE.glob("*/BELONGS-TO"):
        with contextlib.suppress(FileNotFoundError):  # somebody else's, just removed
            left.append(Path(note.read_text().strip()))
    left = [place for place in left if place.is_relative_to(tmp_path_factory.getbasetemp())]
    assert left == [], "start servers below tests.cli.stack.neighbours.new_home(), not below tmp_path"


def pytest_addoption(parser: pytest.Parser) -> None:
    chosen.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    chosen.remember(config)


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, str]]:
    """Postgres, a broker and a bucket of this run's own, as settings; `TEMPLATE` is migrated."""
    with (
        tempfile.TemporaryDirectory(prefix="duologue-tests-", dir=quick_place()) as folder,
        pytest.MonkeyPatch.context() as patch,
        contextlib.ExitStack() as closing,
    ):
        Path(folder).chmod(0o755)  # as root, Postgres runs as somebody else, who must get through
        running = closing.enter_context(stack.running(Path(folder) / "data"))
        administer(running.environment, f"CREATE DATABASE {TEMPLATE}")
        set_settings(patch, of_database(running.environment, TEMPLATE))
        schema.upgrade()
        forget_settings()
        yield running.environment | closing.enter_context(chosen.running(running.environment)).settings


@pytest.fixture
def environment(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """The settings of a fresh copy of the migrated database, for processes a test starts itself."""
    with copied(servers) as settings:
        yield settings


@pytest.fixture
def database_of_its_own(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    set_settings(monkeypatch, environment)
    database.engine()  # before there are threads: two that ask first at once would each make a pool
    yield environment
    forget_settings()


@pytest.fixture(name="database")
def _database(database_of_its_own: dict[str, str]) -> dict[str, str]:
    """This process's settings point at a fresh database, the broker and the bucket."""
    return database_of_its_own


@pytest.fixture
def bucket(database: dict[str, str]) -> str:
    """The bucket, made; accounts differ from test to test, and so do the prefixes."""
    storage.make_bucket()
    return settings.load().s3_bucket


@pytest.fixture
def member(database: dict[str, str]) -> Member:
    return make_member("acme")


@pytest.fixture
def stranger(database: dict[str, str]) -> Member:
    return make_member("stranger")


@pytest.fixture
def caller(member: Member) -> Caller:
    return member.caller


@pytest.fixture
def key(member: Member) -> str:
    return member.key


@pytest.fixture
def other_caller(stranger: Member) -> Caller:
    return stranger.caller


@pytest.fixture
def other_key(stranger: Member) -> str:
    return stranger.key


@pytest.fixture
def client(bucket: str) -> Iterator[TestClient]:
    """The front door in this process; what crashes in it is answered, not raised."""
    from api.app import create_app

    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client


def make_member(account: str) -> Member:
    with database.transaction() as session:
        _, key = accounts.create_key(session, name="tests", account=account)
    with database.transaction() as session:
        return Member(accounts.identify(session, key), key)


@contextlib.contextmanager
def copied(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """The settings of a fresh copy of the migrated database, which goes at the end whoever still uses it."""
    name = f"test_{uuid.uuid4().hex}"
    administer(servers, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    administer(servers, HABITS.format(name=name))  # of a role in a database, and so not copied with it
    yield of_database(servers, name)
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


def administer(servers: dict[str, str], statement: str) -> None:
    url = servers["DUOLOGUE_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def of_database(servers: dict[str, str], name: str) -> dict[str, str]:
    base, _, _ = servers["DUOLOGUE_DATABASE_URL"].rpartition("/")
    return {**servers, "DUOLOGUE_DATABASE_URL": f"{base}/{name}"}


def set_settings(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        patch.setenv(name, value)
    forget_settings()


def forget_settings() -> None:
    """Have the next reader look at the environment again, and open connections of its own.

    A connection on loan comes home first: to a pool that is gone nobody would close it but the garbage collector, in
    the middle of somebody else's test.
    """
    _wait_for_strays()
    if database.engine.cache_info().currsize:
        pool = database.engine().pool
        assert isinstance(pool, QueuePool)
        wait_until(lambda: pool.checkedout() == 0, seconds=STRAY_SECONDS, what="every connection came home")
        database.engine().dispose()
    for remembered in (settings.load, database.engine, doorbell.celery, storage._connect):
        remembered.cache_clear()


def _wait_for_strays() -> None:
    """Threads that outlive the event loop they worked for may still be about to ask the database."""
    for thread in threading.enumerate():
        loop = getattr(thread, "loop", None)
        if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed():
            thread.join(STRAY_SECONDS)
            assert not thread.is_alive(), f"{thread.name} outlives its event loop"
