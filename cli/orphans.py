"""Jobs whose worker on this machine is dead: which those are, by the process ids that are in the workers' names."""

import socket
from collections.abc import Collection

from cli.pids import is_alive
from jobs import lifecycle


def held_by(pid: int) -> int:
    """How many jobs the worker of this process runs."""
    return len(_holders({pid}))


def hand_back(pid: int) -> int:
    """Put back among the waiting, unharmed, what a worker held that we ended ourselves; how many jobs that were."""
    return lifecycle.hand_back_all(_holders({pid}))


def end_leases(pids: Collection[int]) -> int:
    """Have the next rescue take what these workers held, who died by themselves; how many jobs that were."""
    return lifecycle.end_leases(_holders(pids))


def the_dead() -> set[int]:
    """The workers of this machine that are no more and yet hold jobs: who started them was killed, too.

    Only true where all workers are of this machine: elsewhere another, alive, may be called by the same name.
    """
    return {pid for name in lifecycle.holders(socket.gethostname()) if not is_alive(pid := _pid(name))}


def _holders(pids: Collection[int]) -> list[str]:
    return [name for name in lifecycle.holders(socket.gethostname()) if _pid(name) in pids]


def _pid(worker: str) -> int:
    """A worker is called host:pid:chance, see workers/name.py."""
    return int(worker.rsplit(":", 2)[1])
