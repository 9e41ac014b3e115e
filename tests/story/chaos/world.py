"""A whole deployment on harmable servers: two doors, two workers and the timetable, started again whenever they die."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli import environment, processes
from cli.processes import Program
from jobs import schema, storage
from tests.fakes.bucket_proxy import BucketProxy
from tests.free_ports import free_port
from tests.house.tree import ROOT
from tests.story.chaos import ear
from tests.story.chaos.ear import Ear
from tests.story.chaos.payers import Payer, make
from tests.story.chaos.plan import Plan
from tests.story.crew import Crew
from tests.story.ground import Ground, ground
from tests.story.house import QUICK, House, house, wait_for

DOORS = ("door 0", "door 1")
WORKERS = ("worker 0", "worker 1")
_ENGINES = ("gpu", "preview")
_GPU = ROOT / "tests/fakes/gpu"
_KEPT_SHARE = 0.25
"""How much of the storm a finished job is kept: most are still there for whoever asks about them, and many are not."""
_KEPT_AT_LEAST_SECONDS = 20.0
"""No answer is given up for lost and asked for again so late that its job is gone by then."""


@dataclass
class World:
    """Everything of one run; `is_kept` says that its folder is to stay."""

    ground: Ground
    house: House
    bucket: BucketProxy
    ear: Ear
    urls: tuple[str, ...]
    crew: Crew
    payers: tuple[Payer, ...]
    keep_seconds: float
    is_kept: bool = False

    def wait_until_open(self) -> None:
        """Until both doors are ready, so that the storm finds a house that works."""
        wait_for(lambda: all(map(_is_ready, self.urls)), f"the doors are open; see {self.house.folder}")

    def logs(self) -> list[Path]:
        """What our own programs and the servers under them wrote."""
        return [*self.house.folder.glob("*.log"), *self.ground.data.glob("logs/*.log*")]


@contextmanager
def world(plan: Plan, minutes: float) -> Iterator[World]:
    """Everything up and supervised; the settings of this process lead to it. Its folder goes unless `is_kept`."""
    keep_seconds = max(_KEPT_AT_LEAST_SECONDS, _KEPT_SHARE * 60 * minutes)
    folder = Path(tempfile.mkdtemp(prefix="duologue-chaos-"))
    folder.chmod(0o755)  # the database's user must be able to walk to its files
    with (
        ground(folder / "data") as servers,
        BucketProxy(servers.environment["DUOLOGUE_S3_ENDPOINT_URL"]) as bucket,
        Ear(plan.seed) as hearing,
    ):
        chosen = {
            "DUOLOGUE_S3_ENDPOINT_URL": bucket.url,
            "DUOLOGUE_ENGINES": ",".join(_ENGINES),
            "DUOLOGUE_MINIMUM_SECONDS": "1",
            "DUOLOGUE_KEEP_VIDEOS_DAYS": f"{keep_seconds / 86_400:.9f}",
        }
        environment.adopt({**servers.environment, **QUICK, **ear.SETTINGS, **chosen})
        schema.upgrade()
        storage.make_bucket()
        payers = make(plan, minutes)
        urls, programs = _programs()
        path = os.pathsep.join(filter(None, (str(_GPU), os.environ.get("PYTHONPATH"))))
        with house({"TMPDIR": str(folder), "PYTHONPATH": path}, folder, payers[0].key) as built:
            built.environment["DUOLOGUE_PUBLIC_URL"] = urls[0]
            crew = Crew(built, programs)
            made = World(servers, built, bucket, hearing, urls, crew, payers, keep_seconds)
            with crew.at_work():
                yield made
    if not made.is_kept:
        shutil.rmtree(folder)


def _programs() -> tuple[tuple[str, ...], dict[str, Program]]:
    ports = [free_port() for _ in DOORS]
    doors = {name: processes.front_door("127.0.0.1", port) for name, port in zip(DOORS, ports, strict=True)}
    workers = {name: processes.worker(_ENGINES, 1, drain_seconds=10) for name in WORKERS}
    urls = tuple(f"http://127.0.0.1:{port}" for port in ports)
    return urls, {**doors, **workers, "timetable": processes.timetable()}


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=2).is_success
    except httpx.TransportError:
        return False
