"""A whole deployment on harmable servers: two doors, two workers and the timetable, started again whenever they die."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from cli import environment, processes
from cli.processes import Program
from jobs import accounts, database, schema, storage
from tests.fakes.bucket_proxy import BucketProxy
from tests.story.ground import Ground, ground
from tests.story.house import QUICK, House, free_port, house, wait_for

DOORS = ("door 0", "door 1")
WORKERS = ("worker 0", "worker 1")
_LOOK_SECONDS = 0.2


@dataclass
class World:
    """`deaths` counts what ended without our having killed it, by name: there should be none."""

    ground: Ground
    house: House
    bucket: BucketProxy
    urls: tuple[str, ...]
    programs: dict[str, Program]
    deaths: list[str] = field(default_factory=list)
    is_kept: bool = False
    _killed: set[int] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def wait_until_open(self) -> None:
        """Until both doors are ready, so that the storm finds a house that works."""
        wait_for(lambda: all(map(_is_ready, self.urls)), f"the doors are open; see {self.house.folder}")

    def pid(self, name: str) -> int:
        with self._turn:
            return self.house.processes[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        with self._turn:
            process = self.house.processes[name]
            self._killed.add(process.pid)
            process.kill()

    def supervise(self, stop: threading.Event) -> None:
        """Start again what has died, as every platform does."""
        while not stop.wait(_LOOK_SECONDS):
            for name, program in self.programs.items():
                with self._turn:
                    self._look_after(name, program)

    def logs(self) -> list[Path]:
        """What our own programs and the servers under them wrote."""
        return [*self.house.folder.glob("*.log"), *self.ground.data.glob("logs/*.log*")]

    def _look_after(self, name: str, program: Program) -> None:
        process = self.house.processes.get(name)
        if process is not None and (status := process.poll()) is not None:
            if process.pid not in self._killed:
                self.deaths.append(f"{name} ended by itself with {status}")
            process.communicate()
            process = None
        if process is None:
            self.house.start(name, program)


@contextmanager
def world() -> Iterator[World]:
    """Everything up and supervised; the settings of this process lead to it. Its folder goes unless `is_kept`."""
    folder = Path(tempfile.mkdtemp(prefix="duologue-chaos-"))
    folder.chmod(0o755)  # the database's user must be able to walk to its files
    with (
        ground(folder / "data") as servers,
        BucketProxy(servers.environment["DUOLOGUE_S3_ENDPOINT_URL"]) as bucket,
    ):
        environment.adopt({**servers.environment, **QUICK, "DUOLOGUE_S3_ENDPOINT_URL": bucket.url})
        schema.upgrade()
        storage.make_bucket()
        with database.transaction() as session:
            _, key = accounts.create_key(session, name="chaos", account="chaos")
        urls, programs = _programs()
        with house({"TMPDIR": str(folder)}, folder, key) as built:
            built.environment["DUOLOGUE_PUBLIC_URL"] = urls[0]
            with _supervised(World(servers, built, bucket, urls, programs)) as made:
                yield made
    if not made.is_kept:
        shutil.rmtree(folder)


@contextmanager
def _supervised(made: World) -> Iterator[World]:
    stop = threading.Event()
    supervisor = threading.Thread(target=made.supervise, args=[stop])
    supervisor.start()
    try:
        yield made
    finally:
        stop.set()
        supervisor.join()


def _programs() -> tuple[tuple[str, ...], dict[str, Program]]:
    ports = [free_port() for _ in DOORS]
    doors = {name: processes.front_door("127.0.0.1", port) for name, port in zip(DOORS, ports, strict=True)}
    workers = {name: processes.worker(["preview"], 1, drain_seconds=10) for name in WORKERS}
    urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
    return urls, {**doors, **workers, "timetable": processes.timetable()}


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=2).is_success
    except httpx.TransportError:
        return False
