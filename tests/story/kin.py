"""Sees and stops processes that others started: their children, by what they run (Linux)."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

RENDERING = "workers.engines.inside"
DECODING = "workers.intake.decode"


def children(parent: int, word: str = "") -> list[int]:
    """The living children of a process that have `word` in their command line."""
    return [pid for pid, ppid in _parents().items() if ppid == parent and word in _command(pid)]


def has_begun(pid: int) -> bool:
    """Whether a rendering has come as far as to watch its parent, from a second thread."""
    with suppress(OSError):
        return len(list((Path("/proc") / str(pid) / "task").iterdir())) > 1
    return False


def family(eldest: int) -> list[int]:
    """A process and all that it and its children have started."""
    parents = _parents()
    found = [eldest]
    for one in found:
        found += [pid for pid, ppid in parents.items() if ppid == one]
    return found


def parent(pid: int) -> int | None:
    """Who started it; None once it has ended."""
    return _parents().get(pid)


def is_alive(pid: int) -> bool:
    """A process that has ended but was not waited for is not alive."""
    return pid in _parents()


def send(pids: list[int], number: signal.Signals) -> None:
    """Those that are gone by now are passed over."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """Hold processes still, as a machine does that swaps or a hypervisor that moves it."""
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


def _parents() -> dict[int, int]:
    """Every living process and who started it."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state not in {"Z", "X"}:
                found[int(folder.name)] = int(ppid)
    return found


def _command(pid: int) -> str:
    with suppress(OSError):
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""
