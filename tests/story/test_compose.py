"""What docker-compose.yml would run, run without Docker: several of each, killed in the middle."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from jobs import history, presence
from jobs.timetable import is_kept
from tests.deploy import containers, tools
from tests.deploy.containers import HAVE_NAMES, Composed, Container
from tests.story.house import TRUST, House, wait_for

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(tools.compose() is None, reason="Docker Compose's wheel is for Linux on x86_64"),
    pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux's"),
]
QUICK = {"DUOLOGUE_LEASE_SECONDS": "6", "DUOLOGUE_RENEW_SECONDS": "1", "DUOLOGUE_CHORE_SECONDS": "0.5"}


@pytest.fixture
def composed(database: dict[str, str], bucket: str, tmp_path: Path) -> Iterator[Composed]:
    with containers.composed(tmp_path, database, WORKER_SLOTS="1", **QUICK) as built:
        yield built


def test_jobs_end_once_though_a_worker_and_a_front_door_are_killed(composed: Composed) -> None:
    migrated = composed.container("migrate").run()
    assert migrated.returncode == 0, migrated.stderr
    doors = [composed.container("api", number) for number in (1, 2)]
    workers = [composed.container("worker", number) for number in (1, 2)]
    timetable = composed.container("timetable")
    everything = (*doors, *workers, timetable)
    for one in everything:
        one.start()
    made = doors[0].run("duologue", "keys", "create", "story")
    assert made.returncode == 0, made.stderr
    callers = [House({"DUOLOGUE_PUBLIC_URL": door.url}, composed.folder, made.stdout.strip()) for door in doors]
    wait_for(lambda: all(map(is_open, doors)) and len(presence.workers()) == 2 and is_kept(), "all of them are up")
    assert [one.name for one in everything if not (one.is_running() and one.is_well())] == []

    inputs = callers[0].pair(1.0) | {"order": "left_right"}
    jobs = [callers[number % 2].submit(inputs) for number in range(6)]
    wait_for(lambda: sum(callers[1].job(job)["status"] == "running" for job in jobs) == 2, "both workers render")
    workers[0].kill()
    doors[0].kill()
    jobs.append(callers[1].submit(inputs))
    workers[0].start()  # `restart: unless-stopped`
    doors[0].start()
    wait_for(lambda: is_open(doors[0]), "the front door is back")

    ended = [callers[0].wait_final(job) for job in jobs]
    assert [job["status"] for job in ended] == ["completed"] * len(jobs)
    assert httpx.get(ended[-1]["output"]["link"]).headers["content-type"] == "video/mp4"
    assert [one.stop() for one in (workers[1], timetable)] == [0, 0]
    assert doors[1].stop() in {0, -signal.SIGTERM}, "it closes in order, and then ends by the signal"
    assert [found for found in history.check(with_bucket=True) if found.broken] == []
    assert secrets_told(composed.folder / "secrets", composed.started) == []


@pytest.mark.skipif(not HAVE_NAMES, reason="only root gives a process a host name of its own")
def test_a_container_whose_worker_never_came_is_not_well(composed: Composed) -> None:
    working, idle = (composed.container("worker", number) for number in (1, 2))
    working.start()
    wait_for(lambda: presence.workers() != [], "the worker beats")

    assert working.is_well()
    assert not idle.is_well()


def is_open(door: Container) -> bool:
    assert door.is_running(), door.log.read_text()
    try:
        return httpx.get(f"{door.url}/ready", timeout=5, verify=TRUST).is_success
    except httpx.TransportError:
        return False


def secrets_told(secrets: Path, started: list[Container]) -> list[str]:
    """Where a secret stands that is not in its file: in an environment, on a command line, in a log."""
    words = {path.read_text().strip() for path in secrets.iterdir() if path.name in containers.SECRETS}
    places = [
        (one.name, " ".join([*one.environment.values(), *one.command, *one.health, one.log.read_text()]))
        for one in started
        if one.log.exists()
    ]
    return [name for name, text in places if any(word in text for word in words)]
