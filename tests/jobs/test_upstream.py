"""Promises about the pace that all workers share: whatever they do at once, no key exceeds its tier."""

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from jobs import clock, upstream
from jobs.database import transaction
from jobs.rules.tiers import UpstreamKey, read_keys
from jobs.tables import UpstreamTry

SMALL, LARGE = KEYS = read_keys("small:100/7,large:1000/30")


@pytest.fixture(autouse=True)
def tables(database: dict[str, str]) -> None:
    """A fresh database."""


def test_leave_is_spread_over_the_keys_and_counted() -> None:
    assert submit(KEYS, 50) == Counter({LARGE.name: 30, SMALL.name: 7})
    assert submit(KEYS, 50) == Counter()
    end(LARGE, 4)
    assert submit(KEYS, 50) == Counter({LARGE.name: 4})


def test_the_burst_is_shared_by_all() -> None:
    (slow,) = read_keys("slow:1/1000")

    assert submit([slow], 8) == Counter({slow.name: 1})
    assert submit([slow], 8) == Counter()


def test_many_at_once_take_no_more_than_there_is() -> None:
    with ThreadPoolExecutor(8) as threads:
        taken = sum(threads.map(lambda _: submit(KEYS, 3), range(60)), Counter())

    assert taken == Counter({LARGE.name: 30, SMALL.name: 7})


def test_what_is_rolled_back_was_never_taken() -> None:
    with transaction() as session:
        assert upstream.take(session, [SMALL], 7).total() == 7
        session.rollback()

    assert submit([SMALL], 7).total() == 7


def test_a_closed_key_is_left_alone_and_the_other_is_not() -> None:
    with transaction() as session:
        upstream.close(session, LARGE.name, 60, "WaveSpeed takes no more requests for the moment")
        upstream.close(session, LARGE.name, 1, "WaveSpeed takes no more requests for the moment")

    assert submit(KEYS, 5) == Counter({SMALL.name: 5})
    with transaction() as session:
        (standing,) = upstream.standings(session, [LARGE])
        assert standing.closed_until is not None
        assert 50 < (standing.closed_until - clock.now()).total_seconds() <= 60


def submit(keys: tuple[UpstreamKey, ...] | list[UpstreamKey], wanted: int) -> Counter[str]:
    """What a worker does: take leave, and write down a try for each in the same transaction."""
    with transaction() as session:
        taken = upstream.take(session, keys, wanted)
        session.add_all(a_try(name) for name in taken.elements())
    return taken


def a_try(upstream_key: str) -> UpstreamTry:
    ids = {"id": uuid.uuid4(), "job_id": uuid.uuid4(), "account_id": uuid.uuid4()}
    return UpstreamTry(**ids, attempt=1, fence=1, upstream_key=upstream_key, model="wavespeed-ai/infinitetalk")


def end(key: UpstreamKey, count: int) -> None:
    some = "SELECT id FROM upstream_tries WHERE upstream_key = :key AND ended_at IS NULL LIMIT :count"
    with transaction() as session:
        statement = text(f"UPDATE upstream_tries SET ended_at = now(), outcome = 'failed' WHERE id IN ({some})")  # noqa: S608 - our own words
        session.execute(statement, {"key": key.name, "count": count})
