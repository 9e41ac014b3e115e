"""What a stop, a hurried stop and a rolling restart cost the jobs: nothing."""

import signal
import threading
import uuid
from pathlib import Path

import httpx
import pytest

from cli import processes
from jobs import history
from jobs.accounts import Caller
from tests.free_ports import free_port
from tests.story import kin
from tests.story.house import TRUST, House, wait_for
from tests.story.scene import SOLO, Scene, solo

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds other processes in /proc"),
]


@pytest.fixture
def scene(empty_house: House, caller: Caller) -> Scene:
    return Scene(empty_house, caller)


def broken() -> list[str]:
    return [f"{found.invariant} {found.broken}" for found in history.check(with_bucket=True) if found.broken]


def test_a_worker_told_to_stop_finishes_its_job_and_takes_no_other(scene: Scene) -> None:
    scene.house.hire()
    job = scene.order()
    child = scene.rendering()
    later = scene.order()
    scene.house.processes["worker"].terminate()
    kin.send([child], signal.SIGCONT)
    assert scene.house.dismiss("worker") == 0
    assert scene.kinds(job) == ["created", "claimed", "completed"]
    assert scene.kinds(later) == ["created"]
    scene.house.hire("another")
    scene.completes(later)
    assert broken() == []


def test_a_storm_of_stops_ends_a_worker_as_one_does(scene: Scene) -> None:
    scene.house.hire()
    job = scene.order()
    child = scene.rendering()
    for _ in range(2000):
        scene.house.processes["worker"].terminate()
    kin.send([child], signal.SIGCONT)
    assert scene.house.dismiss("worker") == 0
    assert scene.kinds(job) == ["created", "claimed", "completed"]


def test_a_worker_in_a_hurry_hands_its_job_to_another(scene: Scene) -> None:
    scene.house.environment["DUOLOGUE_DRAIN_SECONDS"] = "1"
    scene.house.hire()
    scene.house.set_clock()
    job = scene.order()
    child = scene.rendering()
    scene.house.hire("another")
    assert scene.house.dismiss("worker") == 0
    assert not kin.is_alive(child)
    scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "handed_back", "claimed", "completed"]
    assert scene.job(job).attempt == 1
    assert broken() == []


def test_a_rolling_restart_of_doors_and_workers_fails_no_job(scene: Scene) -> None:
    ports = [int(scene.house.url.rpartition(":")[2]), free_port()]
    for number, port in enumerate(ports):
        scene.house.start(f"door {number}", processes.front_door("127.0.0.1", port))
        scene.house.hire(f"worker {number}")
    scene.house.set_clock()
    traffic = Traffic(scene, [f"http://127.0.0.1:{port}" for port in ports])
    traffic.begin()
    for number, port in enumerate(ports):
        traffic.wait_for_more()
        scene.house.dismiss(f"door {number}")
        scene.house.start(f"door {number}", processes.front_door("127.0.0.1", port))
        scene.house.hire(f"new worker {number}")
        assert scene.house.dismiss(f"worker {number}") == 0
        wait_for(lambda url=f"http://127.0.0.1:{port}": traffic.is_answered_by(url), "the door is back")  # type: ignore[misc]  # mypy knows no defaults of lambdas
    traffic.end()
    for job in traffic.accepted:
        scene.completes(job)
    assert traffic.strange == []
    assert broken() == []


class Traffic:
    """A caller who asks the next door when one does not answer, as a balancer does."""

    def __init__(self, scene: Scene, urls: list[str]) -> None:
        self.accepted: list[uuid.UUID] = []
        self.strange: list[int] = []
        self._scene = scene
        self._urls = urls
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def begin(self) -> None:
        wait_for(lambda: all(map(self.is_answered_by, self._urls)), "both doors are open")
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for_more(self) -> None:
        seen = len(self.accepted)
        wait_for(lambda: len(self.accepted) > seen, "another job is accepted")

    def is_answered_by(self, url: str) -> bool:
        try:
            return httpx.get(f"{url}/ready", timeout=2, verify=TRUST).is_success
        except httpx.TransportError:
            return False

    def _go_on(self) -> None:
        key = uuid.uuid4().hex
        while not self._stop.wait(0.5):
            for url in self._urls:
                if (answer := self._post(url, key)) is not None:
                    key = uuid.uuid4().hex
                    self._note(answer)
                    break

    def _post(self, url: str, key: str) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self._scene.house.key}", "Idempotency-Key": key}
        try:
            return httpx.post(f"{url}/v1/jobs", json={"model": SOLO, "inputs": solo(0.2)}, headers=headers, timeout=10)
        except httpx.TransportError:
            return None

    def _note(self, answer: httpx.Response) -> None:
        if answer.status_code == httpx.codes.CREATED:
            self.accepted.append(uuid.UUID(answer.json()["id"]))
        else:
            self.strange.append(answer.status_code)
