"""Promises about what an event loop drives: Postgres is waited for, and the loop goes on with others meanwhile."""

import asyncio
import socket
import time
from collections.abc import Awaitable
from contextlib import ExitStack
from typing import TypeVar

import pytest
from sqlalchemy import text

from jobs import database, driving, settings
from jobs.database import after_commit, transaction
from jobs.dispatch import facts
from jobs.driving import driven
from jobs.errors import Unavailable
from tests.conftest import set_settings

TICK_SECONDS = 0.01

Answer = TypeVar("Answer")


def ask(question: str) -> object:
    with transaction() as session:
        return session.execute(text(question)).scalar_one()


async def with_ticks(work: Awaitable[Answer]) -> tuple[Answer, int]:
    """What `work` gives, and how often the loop came round meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(TICK_SECONDS)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    try:
        return await work, ticks
    finally:
        ticking.cancel()


@pytest.mark.usefixtures("database")
def test_the_loop_goes_on_while_postgres_thinks() -> None:
    _, ticks = asyncio.run(with_ticks(driven(ask)("SELECT pg_sleep(0.5)")))
    assert ticks >= 5


@pytest.mark.usefixtures("database")
def test_two_that_are_driven_wait_side_by_side_and_each_has_its_own_answer() -> None:
    async def story() -> list[object]:
        return await asyncio.gather(
            *(driven(ask)(question) for question in ("SELECT 1 FROM pg_sleep(0.5)", "SELECT 2 FROM pg_sleep(0.5)"))
        )

    began = time.monotonic()
    assert asyncio.run(story()) == [1, 2]
    assert time.monotonic() - began < 0.95


@pytest.mark.usefixtures("database")
def test_what_fails_is_undone_and_said_to_who_asked() -> None:
    def write(name: str) -> None:
        with transaction() as session:
            session.execute(text("CREATE TABLE half (name text)"))
            session.execute(text("SELECT 1 / 0"))
            raise AssertionError(name)

    with pytest.raises(Exception, match="division by zero"):
        asyncio.run(driven(write)("half"))
    assert ask("SELECT to_regclass('half')") is None


@pytest.mark.usefixtures("database")
def test_whoever_stops_waiting_leaves_no_connection_in_the_middle_of_a_question() -> None:
    async def story() -> object:
        left = asyncio.ensure_future(driven(ask)("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.2)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        return await driven(ask)("SELECT 2")

    assert asyncio.run(story()) == 2


@pytest.mark.usefixtures("database")
def test_what_follows_a_commit_may_take_its_time() -> None:
    def write(_: object) -> None:
        with transaction() as session:
            after_commit(session, lambda: time.sleep(0.5))
            after_commit(session, lambda: done.append(True))

    done: list[bool] = []
    _, ticks = asyncio.run(with_ticks(driven(write)(None)))
    assert done == [True]
    assert ticks >= 5


@pytest.mark.usefixtures("database")
def test_whatever_stands_before_postgres_cannot_keep_an_answer_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "_PATIENCE_SECONDS", 0.3)
    with pytest.raises(Unavailable):
        asyncio.run(driven(ask)("SELECT pg_sleep(20)"))
    assert asyncio.run(driven(ask)("SELECT 5")) == 5


@pytest.mark.usefixtures("database")
def test_where_all_connections_are_lent_a_thread_waits_for_one() -> None:
    async def story() -> tuple[object, int]:
        with ExitStack() as lent:
            for _ in range(settings.load().database_pool_size):
                lent.enter_context(database.engine().connect())
            waiting = asyncio.ensure_future(with_ticks(driven(ask)("SELECT 3")))
            await asyncio.sleep(0.3)
            assert not waiting.done()
        return await waiting

    answer, ticks = asyncio.run(story())
    assert answer == 3
    assert ticks >= 5


def test_a_server_that_takes_the_call_and_says_nothing_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> int:
        waiting = asyncio.ensure_future(with_ticks(driven(ask)("SELECT 4")))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        mute.close()
        with pytest.raises(Unavailable):
            await waiting
        return 0

    with socket.create_server(("127.0.0.1", 0)) as mute:
        set_settings(monkeypatch, {"DUOLOGUE_DATABASE_URL": f"postgresql://x@127.0.0.1:{mute.getsockname()[1]}/x"})
        asyncio.run(story())


@pytest.mark.usefixtures("database")
def test_no_loop_waits_for_a_thread_that_asks_how_the_engines_stand() -> None:
    facts.forget()
    with facts._lock:
        known = asyncio.run(asyncio.wait_for(driven(lambda _: facts.current())(None), 10))
    assert known.standings.keys() == {"gpu", "cloud", "preview"}
