"""Keeps one program running: starts it again when it dies, more slowly each time, and stops it when told."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping

from cli.environment import ROOT
from cli.log import Log
from cli.processes import Program

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
LONG_LIFE_SECONDS = 30.0
_LOOK_SECONDS = 0.05


class Child:
    """One program, started in a session of its own so that the terminal's Ctrl-C reaches it only through us."""

    def __init__(
        self,
        program: Program,
        environment: Mapping[str, str],
        log: Log,
        bury: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """`bury` is told the number of each of its processes that has died by itself."""
        self.name = program.name
        self.deaths = 0
        self.pid = 0
        self._program = program
        self._environment = environment
        self._log = log
        self._bury = bury
        self._due_at = 0.0
        self._running: subprocess.Popen[bytes] | None = None
        self._start()

    @property
    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def look(self) -> None:
        """Notice a death and say it; start the program again once its pause is over."""
        if self._running is None:
            if time.monotonic() >= self._due_at:
                self._start()
        elif self._running.poll() is not None:
            self._mourn(self._running)

    def ask_to_stop(self) -> None:
        if self._running is not None:
            self._running.terminate()

    def wait_until_gone(self, is_hurried: Callable[[], bool]) -> bool:
        """Wait for the end; force it once the program's patience or, as `is_hurried` tells, ours is over.

        Whether it ended by itself.
        """
        if self._running is None:
            return True
        is_forced, until = False, time.monotonic() + self._program.patience_seconds
        while self._running.poll() is None:
            if is_hurried() or time.monotonic() > until:
                is_forced = True
                os.killpg(self._running.pid, signal.SIGKILL)
                self._running.wait()
            time.sleep(_LOOK_SECONDS)
        self._cut_the_tether(self._running)
        return not is_forced

    def _start(self) -> None:
        self._running = subprocess.Popen(
            self._program.command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,  # the tether: see cli/tether.py
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._running.pid
        self._started_at = time.monotonic()
        self._reader = threading.Thread(target=self._pass_on, args=[self._running], name=self.name, daemon=True)
        self._reader.start()

    def _pass_on(self, running: "subprocess.Popen[bytes]") -> None:
        assert running.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        with running.stdout as lines:
            for line in lines:
                if text := line.decode(errors="replace").rstrip():
                    self._log.write(self.name, text)

    def _mourn(self, dead: "subprocess.Popen[bytes]") -> None:
        """Two deaths in quick succession double the pause; a long life is no sign of trouble."""
        self._cut_the_tether(dead)
        lived_long = time.monotonic() - self._started_at > LONG_LIFE_SECONDS
        self.deaths = 1 if lived_long else self.deaths + 1
        pause_seconds = min(FIRST_PAUSE_SECONDS * 2 ** (self.deaths - 1), LONGEST_PAUSE_SECONDS)
        self._log.say(f"The {self.name} {_how(dead.returncode)}; it starts again in {pause_seconds:g} s.")
        self._running = None
        self._due_at = time.monotonic() + pause_seconds
        self._bury(dead.pid)

    def _cut_the_tether(self, dead: "subprocess.Popen[bytes]") -> None:
        """Let its last words be heard, and close the pipe."""
        self._reader.join(timeout=1)
        if dead.stdin is not None:
            dead.stdin.close()


def _how(returncode: int) -> str:
    return f"was ended by {signal.Signals(-returncode).name}" if returncode < 0 else f"ended with status {returncode}"
