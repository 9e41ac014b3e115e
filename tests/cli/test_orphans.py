"""Jobs of workers that have ended go on at once, as they would have gone on after their lease."""

import os
import socket
import subprocess
import sys

import pytest

from cli import orphans
from jobs import history, lifecycle, listing
from jobs.accounts import Caller
from jobs.tables import Job
from tests import factories


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def worker(pid: int, host: str = "") -> str:
    return f"{host or socket.gethostname()}:{pid}:ab12"


def kinds(caller: Caller, job: Job) -> list[str]:
    return [event.kind.removeprefix("job.") for event in listing.timeline(listing.job(caller, job.id))]


def test_a_worker_that_we_ended_costs_its_job_no_attempt(caller: Caller, dead: int) -> None:
    job = factories.submit(caller)
    factories.claim(worker(dead))
    assert orphans.held_by(dead) == 1
    assert orphans.hand_back(dead) == 1
    found = listing.job(caller, job.id)
    assert (found.status, found.attempt, found.workers_lost) == ("waiting", 0, 0)
    assert kinds(caller, job) == ["created", "claimed", "handed_back"]


def test_a_job_that_was_to_be_cancelled_is_cancelled_when_its_worker_is_ended(caller: Caller, dead: int) -> None:
    job = factories.submit(caller)
    factories.claim(worker(dead))
    lifecycle.cancel(caller, job.id)
    orphans.hand_back(dead)
    assert listing.job(caller, job.id).status == "cancelled"


def test_a_worker_that_died_by_itself_is_rescued_from_as_after_its_lease(caller: Caller, dead: int) -> None:
    job = factories.submit(caller)
    factories.claim(worker(dead))
    assert lifecycle.rescue() == 0, "its lease is good for a minute"
    assert orphans.end_leases(orphans.the_dead()) == 1
    assert lifecycle.rescue() == 1
    assert kinds(caller, job) == ["created", "claimed", "rescued"]
    assert [found.invariant for found in history.check() if found.broken] == []


@pytest.mark.parametrize("host", ["", "another-machine"])
def test_whoever_lives_or_is_elsewhere_keeps_the_lease(caller: Caller, dead: int, host: str) -> None:
    factories.submit(caller)
    factories.claim(worker(dead if host else os.getpid(), host))
    assert orphans.the_dead() == set()
    assert orphans.hand_back(dead) == 0
    assert orphans.held_by(dead) == 0
    assert lifecycle.rescue() == 0


def test_nobody_is_an_orphan_where_nobody_works(caller: Caller, dead: int) -> None:
    factories.submit(caller)
    assert (orphans.the_dead(), orphans.hand_back(dead), orphans.end_leases([dead])) == (set(), 0, 0)
