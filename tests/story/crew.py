"""The programs of a deployment under one supervisor: each is killed at will, and started again whenever it dies."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from cli.processes import Program
from tests.story.house import House

_LOOK_SECONDS = 0.2


@dataclass
class Crew:
    """`deaths` tells of what ended without our having killed it: there should be none."""

    house: House
    programs: Mapping[str, Program]
    deaths: list[str] = field(default_factory=list)
    _killed: set[int] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def pid(self, name: str) -> int:
        with self._turn:
            return self.house.processes[name].pid

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        with self._turn:
            process = self.house.processes[name]
            self._killed.add(process.pid)
            process.kill()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """All of them run; what dies is started again, as every platform does."""
        stop = threading.Event()
        supervisor = threading.Thread(target=self._supervise, args=[stop])
        supervisor.start()
        try:
            yield
        finally:
            stop.set()
            supervisor.join()

    def _supervise(self, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_SECONDS):
            for name, program in self.programs.items():
                with self._turn:
                    self._look_after(name, program)

    def _look_after(self, name: str, program: Program) -> None:
        process = self.house.processes.get(name)
        if process is not None and (status := process.poll()) is not None:
            if process.pid not in self._killed:
                self.deaths.append(f"{name} ended by itself with {status}")
            process.communicate()
            process = None
        if process is None:
            self.house.start(name, program)
