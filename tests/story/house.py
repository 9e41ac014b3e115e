"""A whole house of real processes for one test: front door, workers and timetable, each of which may be killed."""

import contextlib
import os
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cli import processes
from cli.processes import Program
from tests.factories_media import people_png, voice_wav
from tests.free_ports import free_port

PATIENCE_SECONDS = 120.0
MULTI = "wavespeed-ai/infinitetalk/multi"
TRUST = ssl.create_default_context()
"""Made once: it takes a client longer than all its calls, and whoever waits for a job asks twenty times a second."""

QUICK = {
    "DUOLOGUE_LEASE_SECONDS": "4",
    "DUOLOGUE_RENEW_SECONDS": "0.5",
    "DUOLOGUE_CHORE_SECONDS": "0.5",
    "DUOLOGUE_GRACE_SECONDS": "1",
    "PYTHONFAULTHANDLER": "1",
}
"""A lost worker costs seconds, so that a test need not wait a minute; one that hangs can tell where."""

PATIENT = {"DUOLOGUE_LEASE_SECONDS": "10"}
"""For stories that count what happened: no living worker loses its job because a busy machine stands still a while."""


@dataclass
class House:
    """The processes of one deployment and the address of its front door."""

    environment: dict[str, str]
    folder: Path
    key: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    tree: Path | None = None
    """The code its processes run, if it is not this."""

    @property
    def url(self) -> str:
        return self.environment["DUOLOGUE_PUBLIC_URL"]

    @property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=TRUST)

    def open_door(self, name: str = "door") -> None:
        port = int(self.url.rpartition(":")[2])
        self.start(name, processes.front_door("127.0.0.1", port))
        wait_for(lambda: self._is_ready(name), f"{name} ready, see {self.log(name)}")

    def hire(self, name: str = "worker", slots: int = 1) -> None:
        self.start(name, processes.worker(["preview"], slots, drain_seconds=30))

    def set_clock(self, name: str = "timetable") -> None:
        self.start(name, processes.timetable())

    def start(self, name: str, program: Program) -> None:
        with self.log(name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                program.command,
                cwd=self.tree,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def signal(self, name: str, number: signal.Signals) -> None:
        """Reach the whole program: its tether and what that holds."""
        os.killpg(self.processes[name].pid, number)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):  # one that has ended leaves its tether all the same
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()  # waits, and closes the tether

    def dismiss(self, name: str) -> int:
        """SIGTERM, and wait for the end; its exit status, or where every thread hangs."""
        with self.processes.pop(name) as process:
            process.terminate()
            try:
                return process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # faulthandler writes down where its threads are
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()  # or we would wait for it for ever
                raise AssertionError(f"{name} did not end:\n{self.log(name).read_text()[-8000:]}") from None

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def upload(self, content: bytes, filename: str) -> str:
        """Put a file the way a client does; the link to it."""
        with self.client as client:
            form = {"filename": filename, "size": len(content)}
            ticket = client.post("/api/v3/media/uploads", json=form).raise_for_status().json()["data"]
            put = ticket["upload"]
            httpx.put(put["url"], content=content, headers=put["headers"]).raise_for_status()
            link: str = ticket["download_url"]
            return link

    def pair(self, seconds: float = 1.0) -> dict[str, object]:
        """Inputs of a job with two people: uploaded once, so that many jobs may share them."""
        return {
            "image": self.upload(people_png(640, 360), "two.png"),
            "left_audio": self.upload(voice_wav(seconds, 120), "left.wav"),
            "right_audio": self.upload(voice_wav(seconds, 210), "right.wav"),
        }

    def submit(self, inputs: Mapping[str, object], **extras: object) -> str:
        with self.client as client:
            reply = client.post("/v1/jobs", json={"model": MULTI, "inputs": dict(inputs)} | extras)
            job_id: str = reply.raise_for_status().json()["id"]
            return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        with self.client as client:
            found: dict[str, Any] = client.get(f"/v1/jobs/{job_id}").raise_for_status().json()
            return found

    def wait_until(self, job_id: str, is_so: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        wait_for(lambda: is_so(self.job(job_id)), f"job {job_id} {what}")
        return self.job(job_id)

    def wait_final(self, job_id: str) -> dict[str, Any]:
        return self.wait_until(job_id, lambda job: job["status"] in {"completed", "failed", "cancelled"}, "final")

    def _is_ready(self, name: str) -> bool:
        assert self.processes[name].poll() is None, self.log(name).read_text()
        try:
            return httpx.get(f"{self.url}/ready", timeout=2, verify=TRUST).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@contextmanager
def house(environment: Mapping[str, str], folder: Path, key: str, **settings: str) -> Iterator[House]:
    """An empty house on a port of its own; whatever was started in it is gone at the end."""
    whole = {**os.environ, **environment, **QUICK, **settings}
    whole["DUOLOGUE_PUBLIC_URL"] = f"http://127.0.0.1:{free_port()}"
    built = House(whole, folder, key)
    try:
        yield built
    finally:
        built.close()


def wait_for(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Look again until it is so; fail with `what` was waited for."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while not is_so():
        assert time.monotonic() < until, f"still waiting for: {what}"
        pause.wait(0.05)
