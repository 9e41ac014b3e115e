"""The parent's side: runs one order in a process group of its own, and can end it at any moment."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self

from jobs import events
from jobs.errors import EngineError, WorkerUnfit
from workers.engines import wire
from workers.engines.engine import Keep, Order, Rendering, Report, keep_nothing

_CHATTER = "engine.log"
_LAST_WORDS_BYTES = 600
_KNOWN = frozenset({"HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV"})
_KNOWN_KINDS = ("CUDA_", "HF_", "LC_", "MKL_", "NVIDIA_", "OMP_", "OPENBLAS_", "PYTHON", "PYTORCH_", "TORCH_")


class Child:
    """One rendering in one child process. Use as a context manager: leaving it leaves no process behind."""

    def __init__(self, engine: str, order: Order, *, grace_seconds: float, silence_seconds: float) -> None:
        self._engine = engine
        self._order = order
        self._grace_seconds = grace_seconds
        self._silence_seconds = silence_seconds
        self._is_over = False
        self._chatter = order.folder / _CHATTER
        self._stopping = threading.Lock()
        with self._chatter.open("wb") as chatter:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "workers.engines.inside", engine],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=chatter,
                text=True,
                encoding="utf-8",
                start_new_session=True,
                env=environment(),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    @property
    def pid(self) -> int:
        return self._child.pid

    def render(self, report: Report, keep: Keep = keep_nothing) -> Rendering:
        """Hand over the order and follow it to the end. Raises EngineError when refused, crashed, silent or stopped.

        The child goes on while `keep` takes its time. One that ends before it says anything could not load the engine:
        the machine's fault.
        """
        has_started = False
        for message in self._messages():
            has_started = True
            match message.pop("kind"):
                case "progress":
                    report(message["stage"], message["done"])
                case "kept":
                    keep({name: Path(path) for name, path in message["files"].items()})
                case "refused":
                    raise EngineError(**message)
                case "rendered":
                    return wire.rendering_from_json(message)
        how = self._post_mortem()
        if not has_started:
            sentence = f"the worker cannot load the engine {self._engine}; its log says why"
            raise EngineError(sentence, permanent=False, error_class=WorkerUnfit.error_class)
        raise EngineError(f"the engine ended without an answer: {how}", permanent=False)

    def stop(self) -> None:
        """End the whole group: SIGTERM, a grace, SIGKILL. Safe from any thread, and when it is over already."""
        with self._stopping:
            if self._is_over:
                return  # its number may be another process's by now
            if self._child.poll() is None:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(self._grace_seconds)
            self._signal(signal.SIGKILL)
            self._child.wait()
            self._is_over = True

    def _messages(self) -> Iterator[dict[str, Any]]:
        assert self._child.stdin is not None and self._child.stdout is not None  # noqa: S101, PT018 - both are pipes
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(wire.write_order(self._order))
            self._child.stdin.flush()
        while line := self._next_line(self._child.stdout):
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                return  # it died in the middle of a word

    def _next_line(self, pipe: IO[str]) -> str:
        """The next message, or nothing at its end; an engine that promised to report and does not is ended."""
        alarm = threading.Timer(self._silence_seconds, self.stop)
        alarm.daemon = True
        alarm.start()
        try:
            return pipe.readline()
        finally:
            alarm.cancel()

    def _signal(self, number: signal.Signals) -> None:
        """Reach grandchildren too; the group may outlive its leader, or be gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)

    def _post_mortem(self) -> str:
        """How the child ended, for the caller; its last words, which may name paths of ours, go to the log alone."""
        code = self._child.wait()
        words = self._chatter.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
        events.emit("engine.died", engine=self._engine, returncode=code, last_words=words)
        return f"signal {-code}" if code < 0 else f"exit {code}"


def environment() -> dict[str, str]:
    """What the child may know: how to find its libraries and devices, and nothing that opens a door of ours."""
    kept = {name: value for name, value in os.environ.items() if name in _KNOWN or name.startswith(_KNOWN_KINDS)}
    path = filter(None, (str(Path(__file__).parents[2]), kept.get("PYTHONPATH")))
    return kept | {"PYTHONPATH": os.pathsep.join(path)}
