"""Other processes that use a stack, and what can be seen of its processes from outside."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from cli.stack import locks

ROOT = Path(__file__).parents[3]
HOST = Path(__file__).with_name("host.py")
PATIENCE_SECONDS = 120.0
"""How long anything is waited for; only what never comes costs so much."""
ROOM_BYTES = 4 * 2**30
"""Free memory that makes it a place for servers: several times what all of a run's hold at once."""


class Host:
    """Another process that has the stack running."""

    def __init__(self, data: Path, *parts: str, user: int | None = None, python: str = sys.executable) -> None:
        self.process = subprocess.Popen(
            [python, str(HOST), str(data), *parts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_for_children(),
            cwd="/",
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

    def wait_until_up(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ask_to_leave(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> int:
        self.ask_to_leave()
        assert self.process.stdout is not None
        self.process.stdout.close()
        try:
            return self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()


def environment_for_children() -> dict[str, str]:
    """Ours, without settings, and with the packages of this environment for whatever Python runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DUOLOGUE_")}
    packages = Path(psycopg.__file__).parents[1]
    return kept | {"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONWARNINGS": "error", "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def new_home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="duologue-", dir=quick_place()))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def quick_place() -> Path:
    """Where a test's servers keep their files: in memory, where there is room.

    A database is some 350 files. ext4 gives a file no inode that was freed a moment ago, and looks at each of them: on
    it, making a database takes ten times as long when others were just dropped. A killed server loses nothing in memory
    that it would keep on a disk.
    """
    memory = Path("/dev/shm")  # noqa: S108 - every name below it is drawn by tempfile
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM_BYTES
    return memory if has_room else Path("/tmp")  # noqa: S108 - as above


def wait_until(condition: Callable[[], bool], *, what: str, seconds: float = PATIENCE_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"after {seconds} s still not so: {what}"
        time.sleep(0.02)


def is_quiet(data: Path) -> bool:
    """Nothing is left of a stack: the kernel holds no lock of its keepers and servers, and lists no process of it."""
    held = [path for path in [*data.glob("run/*.keeper"), *data.glob("*/server.lock")] if locks.is_held(path)]
    return not held and not processes_in(data)


def processes_in(data: Path) -> list[str]:
    """Whatever process names this data folder or works in it: keepers, servers and their children (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            place = str((process / "cwd").readlink())
        except OSError:
            continue
        if f"{data}/" in f"{command.replace(' ', '/ ')}/" or f"{place}/".startswith(f"{data}/"):
            found.append(f"{process.name} {command}")
    return [one for one in found if "host.py" not in one]


def pid_of(data: Path, part: str) -> int:
    """The pid of this part's server, 0 while it is down."""
    return json.loads((data / "run" / f"{part}.json").read_text())["pid"] or 0
