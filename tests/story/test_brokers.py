"""What holds on the embedded Valkey holds on RabbitMQ, on Valkeys under a sentinel, and with TLS to either."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from kombu.connection import Connection

from cli import broker
from jobs import doorbell, history
from jobs.accounts import Caller
from tests.cli.stack.neighbours import new_home
from tests.conftest import Member, forget_settings, set_settings
from tests.servers import certificates, valkey
from tests.servers.rabbitmq import RabbitMQ, rabbitmq
from tests.story import kin
from tests.story.house import PATIENT, House, house, wait_for
from tests.story.scene import Scene
from tests.story.test_whole_job import test_a_job_of_two_speakers_ends_as_a_playable_video as whole_job

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds other processes in /proc"),
]


@pytest.fixture(scope="module")
def vouched() -> Iterator[tuple[Path, Path]]:
    """Files of a certificate and its key."""
    with new_home() as folder:
        yield certificates.issue(folder)


@pytest.fixture(scope="module")
def rabbit(vouched: tuple[Path, Path]) -> Iterator[RabbitMQ]:
    with rabbitmq(*vouched) as running:
        yield running


@pytest.fixture
def on_rabbitmq(
    rabbit: RabbitMQ, database: dict[str, str], bucket: str, member: Member, tmp_path: Path
) -> Iterator[House]:
    """Front door, one worker with one slot, and the timetable."""
    with house(database | {"DUOLOGUE_BROKER_URL": rabbit.url}, tmp_path, member.key, **PATIENT) as built:
        move_in(built)
        yield built


def move_in(built: House) -> None:
    built.hire()
    built.set_clock()
    built.open_door()


def broken() -> list[str]:
    return [f"{found.invariant} {found.broken}" for found in history.check(with_bucket=True) if found.broken]


def test_a_whole_job_runs_by_way_of_rabbitmq(on_rabbitmq: House) -> None:
    whole_job(on_rabbitmq)


def test_a_job_whose_worker_is_killed_runs_again_by_way_of_rabbitmq(on_rabbitmq: House, caller: Caller) -> None:
    scene = Scene(on_rabbitmq, caller)
    job = scene.order()
    scene.rendering()
    on_rabbitmq.kill("worker")
    on_rabbitmq.hire("another")
    scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "rescued", "claimed", "completed"]
    assert broken() == []


def test_rings_lie_in_quorum_queues_that_cannot_grow_for_ever(on_rabbitmq: House, rabbit: RabbitMQ) -> None:
    """A queue that is there is refused to whoever names other arguments for it."""
    with Connection(rabbit.url) as connection:  # type: ignore[no-untyped-call]
        for engine in ("gpu", "cloud", "preview"):
            arguments = {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-max-length": 10_000}
            connection.default_channel.queue_declare(
                doorbell.queue_of(engine), durable=True, auto_delete=False, arguments=arguments
            )


@pytest.mark.long
@pytest.mark.parametrize("fault", ["frozen", "gone"])
def test_without_rabbitmq_jobs_are_taken_and_run_when_it_is_back(
    on_rabbitmq: House, rabbit: RabbitMQ, caller: Caller, fault: str
) -> None:
    scene = Scene(on_rabbitmq, caller)
    scene.completes(scene.order())
    inputs = on_rabbitmq.pair(0.3)
    if fault == "frozen":
        with kin.frozen(kin.family(rabbit.broker.pid)):
            jobs = [on_rabbitmq.submit(inputs) for _ in range(5)]
    else:
        rabbit.broker.kill()
        jobs = [on_rabbitmq.submit(inputs) for _ in range(5)]
        rabbit.broker.start()
    for job in jobs:
        assert on_rabbitmq.wait_final(job)["status"] == "completed"
    assert broken() == []


@pytest.mark.long
def test_jobs_go_on_when_the_primary_under_a_sentinel_dies(
    database: dict[str, str], bucket: str, member: Member, tmp_path: Path
) -> None:
    with valkey.watched() as servers, house(database | servers.settings, tmp_path, member.key, **PATIENT) as built:
        move_in(built)
        scene = Scene(built, member.caller)
        scene.completes(scene.order())
        servers.primary.kill()
        scene.completes(scene.order())
        log = built.log("worker").read_text(errors="replace")
        assert valkey.PASSWORD not in log
        wait_for(lambda: listens(servers.replica.port, built), "the worker listens to the new primary")


def listens(port: int, built: House) -> bool:
    """Whether the worker has a connection to this port of this machine."""
    pids = kin.family(built.processes["worker"].pid)
    return any(port in connected(pid) for pid in pids)


def connected(pid: int) -> set[int]:
    lines = (Path("/proc") / str(pid) / "net" / "tcp").read_text().splitlines()[1:]
    return {int(line.split()[2].rpartition(":")[2], 16) for line in lines}


def silence(patch: pytest.MonkeyPatch, settings: Mapping[str, str]) -> str | None:
    """What the doctor hears of this broker."""
    set_settings(patch, dict(settings))
    try:
        return broker.why_silent()
    finally:
        patch.undo()
        forget_settings()


@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_a_broker_with_tls_is_believed_only_if_somebody_vouches_for_it(
    vouched: tuple[Path, Path], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "rabbitmq":
        url = request.getfixturevalue("rabbit").url_with_tls
        check(monkeypatch, url, vouched[0])
    else:
        with valkey.encrypted(*vouched) as url:
            check(monkeypatch, url, vouched[0])


def check(patch: pytest.MonkeyPatch, url: str, authority: Path) -> None:
    known = {"DUOLOGUE_BROKER_URL": url, "DUOLOGUE_BROKER_CA_PATH": str(authority)}
    assert silence(patch, known) is None
    assert silence(patch, {"DUOLOGUE_BROKER_URL": url}) is not None
    assert silence(patch, known | {"DUOLOGUE_BROKER_URL": elsewhere(url)}) is not None


def elsewhere(url: str) -> str:
    """The same server under a name that its certificate does not have."""
    return url.replace("localhost", "0.0.0.0")  # noqa: S104 - called, not listened on
