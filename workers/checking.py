"""Has the owner's own program look at a video that was rendered here, before anybody else can.

It is given the video's path as its last word and answers by how it ends: with 0, or with 3 if it found something. Any
other end is no answer, and such a video is not shown. Where no program is set nobody looks.
"""

import contextlib
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Final

from jobs import settings
from jobs.errors import EngineError, WorkerUnfit
from workers.engines.child import environment
from workers.lease import Lease

NOTHING_FOUND: Final = 0
FLAGGED: Final = 3


def is_flagged(video: Path, lease: Lease) -> bool | None:
    """Whether something was found; None where nobody looked. Raises WorkerUnfit, EngineError, Stopped."""
    chosen = settings.load()
    if not chosen.checker:
        return None
    lease.report("checking", 1.0)
    code = _ask([*shlex.split(chosen.checker), str(video)], chosen.checker_seconds, lease)
    if code not in {NOTHING_FOUND, FLAGGED}:
        raise EngineError("the program that looks at finished videos gave no answer", permanent=False)
    return code == FLAGGED


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
