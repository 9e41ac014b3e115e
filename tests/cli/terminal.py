"""A terminal of one's own: the real command in real processes, away from the checkout, under settings of nobody."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.stack.neighbours import wait_until

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 240.0
"""More than the desk has itself: what it waited for in vain it says."""


@dataclass(frozen=True)
class Terminal:
    """`folder` is where one stands; `data` may have a space in its name."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.folder / "all our data"

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Type a command and wait for its end."""
        return subprocess.run(
            self._command(words),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def ask(self, *words: str) -> Any:  # noqa: ANN401 - whatever the command's JSON holds
        return json.loads(self.run(*words, "--json").stdout)

    @contextmanager
    def up(self, *words: str) -> Iterator["Up"]:
        """`duologue up`, on a free port, ended with the test."""
        process = subprocess.Popen(
            self._command(("up", "--port", "0", *words)),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        up = Up(process)
        try:
            yield up
        finally:
            up.end()

    @property
    def environment(self) -> dict[str, str]:
        """What a command typed here may know."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DUOLOGUE_")}
        packages = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
        return kept | {"PYTHONPATH": packages, "DUOLOGUE_DATA_DIR": str(self.data)} | self.variables

    def _command(self, words: tuple[str, ...]) -> list[str]:
        # As the installed command does it: the folder one stands in is no place for packages.
        return [sys.executable, "-P", "-m", "cli", *words]


class Up:
    """A running `duologue up` and all it has said."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_until_said(self, words: str, *, times: int = 1) -> None:
        wait_until(
            lambda: self.text.count(words) >= times or self.process.poll() is not None,
            seconds=PATIENCE_SECONDS,
            what=f"{words!r} said",
        )
        assert self.text.count(words) >= times, self.text

    def wait_until_ready(self) -> None:
        self.wait_until_said("Ctrl-C stops it all")

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()
        self._reader.join(PATIENCE_SECONDS)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.append(line.decode().rstrip())


def descendants(pid: int) -> set[int]:
    """Every process that descends from this one, the process itself left out (Linux)."""
    numbers = [int(process.name) for process in Path("/proc").glob("[0-9]*")]
    parents = {number: stat[1] for number in numbers if (stat := _state_and_parent(number))}
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def runs(pid: int, words: str) -> bool:
    """Whether these words are in the command line of a process that is there (Linux)."""
    try:
        return words.encode() in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def threads(pid: int) -> int:
    """How many threads a process has, none once it is gone (Linux)."""
    try:
        return len(list((Path("/proc") / str(pid) / "task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def are_gone(pids: set[int]) -> bool:
    """None of them runs; one that nobody has waited for yet is gone all the same."""
    return all(stat is None or stat[0] == "Z" for stat in map(_state_and_parent, pids))


def _state_and_parent(pid: int) -> tuple[str, int] | None:
    try:
        # After the name, which stands in brackets and may hold anything.
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return words[0], int(words[1])
