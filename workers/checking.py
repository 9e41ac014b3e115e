"""Has the owner's own program look at a video that was rendered here, before anybody else can.

It is given the video's path as its last word and answers by how it ends: with 0, or with 3 if it found something. Any
other end is no answer: it is asked again for a while, and a video that it does not answer for is not shown. Where no
program is set nobody looks.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from jobs import events, settings
from jobs.errors import Unchecked, WorkerUnfit
from workers.engines.child import environment
from workers.lease import Lease

NOTHING_FOUND: Final = 0
FLAGGED: Final = 3

_PAUSE_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 900.0
"""A video that breaks the program must not hold its worker for good."""


def is_flagged(video: Path, lease: Lease) -> bool | None:
    """Whether something was found; None where nobody looked. Raises WorkerUnfit, Unchecked, Stopped."""
    chosen = settings.load()
    if not chosen.checker:
        return None
    lease.report("checking", 1.0)
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        code = _ask([*shlex.split(chosen.checker), str(video)], chosen.checker_seconds, lease)
        if code in {NOTHING_FOUND, FLAGGED}:
            return code == FLAGGED
        events.emit("checking.failed", returncode=code)
        if time.monotonic() >= give_up_at:
            raise Unchecked("the program that looks at finished videos gave no answer")
        lease.pause(_PAUSE_SECONDS)


def _ask(command: list[str], limit_seconds: float, lease: Lease) -> int:
    """How it ended; whoever takes too long is ended. It ends with the lease, and what it started with it."""
    try:
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment(), start_new_session=True)
    except OSError as error:
        raise WorkerUnfit(f"the program of DUOLOGUE_CHECKER cannot be started: {error.strerror}") from error
    lease.on_stop(lambda: _end(program))
    try:
        program.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        _end(program)
    lease.check()  # what we ended ourselves has answered nothing
    return program.returncode


def _end(program: "subprocess.Popen[bytes]") -> None:
    if program.poll() is None:  # its number may be another process's once it was waited for
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
