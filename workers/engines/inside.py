"""The child's side: reads one order from standard input, renders it, tells its parent in JSON lines; dies with it.

Started as `python -m workers.engines.inside ENGINE`. The first line of standard input is the order; the pipe then stays
open for the parent's life, and its end means that the parent is gone. Messages go to what was standard output, the
first once the engine is loaded; whatever else is printed goes to standard error.
"""

import ctypes
import errno
import importlib
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from jobs.errors import EngineError
from workers.engines import wire
from workers.engines.engine import Engine

ENGINES = {
    "gpu": ("workers.engines.gpu.engine", "GpuEngine"),
    "preview": ("workers.engines.preview.engine", "PreviewEngine"),
}
_MEMORY_BYTES = {"preview": 4 * 2**30}
"""What an engine that does with little may reserve: what it decodes is a caller's, and lies by what it can."""
_PR_SET_PDEATHSIG = 1
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
"""The machine's trouble, not the job's: the attempt does not count."""


def main() -> None:
    """Render one order and exit: 0 when it was rendered or refused with a reason, anything else for a crash."""
    die_with_parent()
    _bind(sys.argv[1])
    voice = Voice(take_over_stdout())
    order = wire.read_order(sys.stdin.readline())
    threading.Thread(target=_watch_parent, name="lifeline", daemon=True).start()
    engine = load(sys.argv[1])
    voice.say(kind="started")  # what breaks from here on may be the order's fault
    try:
        rendering = engine.render(order, voice.report, voice.keep)
    except EngineError as error:
        voice.say(kind="refused", message=str(error), permanent=error.permanent, error_class=error.error_class)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        voice.say(kind="refused", message="the worker's disk is full", permanent=False, error_class="worker_unfit")
    except MemoryError:
        voice.say(kind="refused", message="out of memory", permanent=False, error_class="out_of_memory")
    else:
        voice.say(kind="rendered", **wire.rendering_to_json(rendering))


def load(name: str) -> Engine:
    """The engine with the libraries it needs, imported only now."""
    module, attribute = ENGINES[name]
    engine: Engine = getattr(importlib.import_module(module), attribute)()
    return engine


class Voice:
    """Tells the parent, one line of JSON at a time."""

    def __init__(self, messages: IO[str]) -> None:
        self._messages = messages

    def say(self, **message: object) -> None:
        self._messages.write(json.dumps(message) + "\n")
        self._messages.flush()

    def report(self, stage: str, done: float) -> None:
        self.say(kind="progress", stage=stage, done=done)

    def keep(self, files: Mapping[str, Path]) -> None:
        self.say(kind="kept", files={name: str(path) for name, path in files.items()})


def _bind(engine: str) -> None:
    """Put this process under its limit, for good."""
    if engine not in _MEMORY_BYTES or sys.platform == "darwin":  # macOS refuses to set it
        return
    # Each thread reserves memory under the limit, and these libraries start one for every core.
    os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES[engine], _MEMORY_BYTES[engine]))


def die_with_parent() -> None:
    """Have Linux kill us with the thread that started us, even if we are stuck where no thread of ours can run."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def take_over_stdout() -> IO[str]:
    """Keep the pipe for messages only: a library that prints must not garble them."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return messages


def _watch_parent() -> None:
    """End the whole process group when the parent's end of the pipe closes; a blocked read costs nothing."""
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
