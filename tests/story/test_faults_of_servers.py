"""What callers and workers see while the broker, the database or the bucket is dead, frozen or emptied."""

import signal
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from kombu.connection import Connection
from sqlalchemy import text

from jobs import doorbell, history, schema
from jobs.database import transaction
from tests.cli.stack.neighbours import new_home
from tests.conftest import Member, administer, forget_settings, make_member, of_database, set_settings
from tests.fakes.bucket_proxy import BucketProxy
from tests.free_ports import free_port
from tests.story import kin
from tests.story.ground import Ground, ground, is_reachable
from tests.story.house import PATIENT, house, wait_for
from tests.story.scene import SOLO, Scene, solo

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds other processes in /proc"),
]


@pytest.fixture(scope="module")
def harmed() -> Iterator[Ground]:
    """Servers of this page's own: nobody else is to meet them frozen."""
    with new_home() as home, ground(home / "harmed") as servers:
        yield servers


@pytest.fixture
def scene(harmed: Ground, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Scene]:
    """A house on those servers, with a database of its own; nothing runs in it yet."""
    name = f"test_{uuid.uuid4().hex}"
    administer(harmed.environment, f"CREATE DATABASE {name}")
    environment = of_database(harmed.environment, name)
    set_settings(monkeypatch, environment)
    schema.upgrade()
    member: Member = make_member("acme")
    with house(environment, tmp_path, member.key, **PATIENT) as built:
        yield Scene(built, member.caller)
    forget_settings()


def post(scene: Scene, key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    with scene.house.client as client:
        return client.post("/v1/jobs", json={"model": SOLO, "inputs": solo(0.3)}, headers=headers)


def accepted(scene: Scene, key: str | None = None) -> uuid.UUID:
    return uuid.UUID(post(scene, key).raise_for_status().json()["id"])


def accepted_in_a_second(scene: Scene, count: int) -> list[uuid.UUID]:
    """Most of them, that is: a busy machine may stand still at any one, but a call that waits does so at each."""
    jobs, took = [], []
    for _ in range(count):
        began = time.monotonic()
        jobs.append(accepted(scene))
        took.append(time.monotonic() - began)
    assert statistics.median(took) < 1
    return jobs


def broken() -> list[str]:
    return [f"{found.invariant} {found.broken}" for found in history.check(with_bucket=True) if found.broken]


def move_in(scene: Scene) -> None:
    scene.house.hire()
    scene.house.set_clock()
    scene.house.open_door()
    scene.completes(accepted(scene))


def test_a_job_is_safe_the_moment_it_is_accepted(scene: Scene) -> None:
    scene.house.open_door()
    job = accepted(scene)
    scene.house.kill("door")
    scene.house.hire()
    scene.completes(job)


@pytest.mark.parametrize("fault", ["frozen", "gone"])
def test_without_the_broker_jobs_are_taken_within_a_second_and_run_when_it_is_back(
    scene: Scene, harmed: Ground, fault: str
) -> None:
    move_in(scene)
    with harmed.frozen("broker") if fault == "frozen" else harmed.gone("broker"):
        jobs = accepted_in_a_second(scene, 5)
    for job in jobs:
        scene.completes(job)
    assert broken() == []


def test_an_emptied_broker_delays_nothing_for_long(scene: Scene, harmed: Ground) -> None:
    move_in(scene)
    empty_broker(harmed.environment["DUOLOGUE_BROKER_URL"])
    scene.completes(accepted(scene))


def empty_broker(url: str) -> None:
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as broker:
            broker.flushall()
        return
    with Connection(url) as connection:  # type: ignore[no-untyped-call]  # kombu is untyped
        connection.default_channel.queue_purge(doorbell.queue_of("preview"))


def test_a_job_whose_ring_was_lost_is_rung_for_again(scene: Scene) -> None:
    scene.house.hire()
    scene.house.set_clock()
    scene.completes(scene.order())
    scene.house.environment["DUOLOGUE_BROKER_URL"] = f"redis://127.0.0.1:{free_port()}/0"
    scene.house.open_door()
    scene.completes(accepted(scene))


def test_a_restart_of_the_database_in_full_traffic_is_a_clean_pause(scene: Scene, harmed: Ground) -> None:
    scene.house.environment["DUOLOGUE_LEASE_SECONDS"] = "30"  # longer than both restarts on a busy machine
    move_in(scene)
    running = scene.order()
    child = scene.rendering()
    answers: list[httpx.Response] = []
    stop = threading.Event()
    traffic = [threading.Thread(target=_ask_again, args=[scene, answers, stop]) for _ in range(3)]
    for caller in traffic:
        caller.start()
    for _ in range(2):
        harmed.restart_database()
        wait_for(is_reachable, "the database is back")
        seen = len(answers)
        wait_for(lambda seen=seen: len(answers) > seen + 10, "traffic goes on")  # type: ignore[misc]  # mypy knows no defaults of lambdas
    stop.set()
    for caller in traffic:
        caller.join()
    refused = [answer for answer in answers if answer.status_code != httpx.codes.OK]
    assert {answer.status_code for answer in refused} <= {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
    kin.send([child], signal.SIGCONT)
    scene.completes(running)
    assert [name for name, process in scene.house.processes.items() if process.poll() is not None] == []
    assert scene.kinds(running) == ["created", "claimed", "completed"]
    assert broken() == []


def _ask_again(scene: Scene, answers: list[httpx.Response], stop: threading.Event) -> None:
    with scene.house.client as client:
        while not stop.wait(0.02):
            answers.append(client.get("/v1/jobs"))


def test_without_the_database_a_submit_is_refused_cleanly_and_leaves_nothing(scene: Scene, harmed: Ground) -> None:
    scene.house.open_door()
    before = rows()
    with harmed.gone("database"):
        answer = post(scene, "a name")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    wait_for(is_reachable, "the database is back")
    assert rows() == before
    assert accepted(scene, "a name") == accepted(scene, "a name")


def rows() -> list[int]:
    with transaction() as session:
        tables = ("jobs", "events", "attachments", "idempotency_keys")
        return [session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables]  # noqa: S608 - the names above


def test_the_timetable_outlives_the_database(scene: Scene, harmed: Ground) -> None:
    scene.house.set_clock()
    harmed.restart_database()
    wait_for(is_reachable, "the database is back")
    with harmed.gone("database"):
        pass
    wait_for(is_reachable, "the database is back")
    assert scene.wait_final(scene.order(wait_seconds=1)).error_class == "deadline"
    assert scene.house.processes["timetable"].poll() is None


def test_two_timetables_do_nothing_twice(scene: Scene) -> None:
    scene.house.set_clock()
    scene.house.set_clock("second timetable")
    scene.house.hire()
    job = scene.order()
    scene.rendering()
    scene.house.kill("worker")
    scene.wait_until(job, "waiting")
    late = [scene.order(wait_seconds=1) for _ in range(5)]
    for one in late:
        scene.wait_until(one, "failed")
        assert scene.kinds(one) == ["created", "failed"]
    assert scene.kinds(job) == ["created", "claimed", "rescued"]
    assert broken() == []


@pytest.mark.parametrize("mood", ["full", "cutting"])
def test_a_video_the_bucket_would_not_take_is_stored_later_and_not_rendered_again(scene: Scene, mood: str) -> None:
    with BucketProxy(scene.house.environment["DUOLOGUE_S3_ENDPOINT_URL"]) as bucket:
        scene.house.environment["DUOLOGUE_S3_ENDPOINT_URL"] = bucket.url
        scene.house.hire()
        job = scene.order()
        child = scene.rendering()
        with bucket.failing(507) if mood == "full" else bucket.cutting():
            kin.send([child], signal.SIGCONT)
            wait_for(lambda: bucket.refused > 0, "the bucket did not take the video")
            wait_for(lambda: scene.job(job).stage == "storing", "the holder says that it stores")
        scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "completed"]
    assert scene.job(job).attempt == 1
    assert broken() == []
