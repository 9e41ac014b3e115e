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
from typing import Any, Self

from jobs.errors import EngineError
from workers.engines import wire
from workers.engines.engine import Order, Rendering, Report

_CHATTER = "engine.log"
_LAST_WORDS_BYTES = 600
_SECRETS = (
    "DUOLOGUE_DATABASE_URL",
    "DUOLOGUE_BROKER_URL",
    "DUOLOGUE_S3_SECRET_ACCESS_KEY",
    "DUOLOGUE_S3_ACCESS_KEY_ID",
)


class Child:
    """One rendering in one child process. Use as a context manager: leaving it leaves no process behind."""

    def __init__(self, engine: str, order: Order, *, grace_seconds: float) -> None:
        self._order = order
        self._grace_seconds = grace_seconds
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
                env=_harmless_environment(),
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

    def render(self, report: Report) -> Rendering:
        """Hand over the order and follow it to the end. Raises EngineError when refused, crashed or stopped."""
        for message in self._messages():
            match message.pop("kind"):
                case "progress":
                    report(message["stage"], message["done"])
                case "refused":
                    raise EngineError(**message)
                case "rendered":
                    return wire.rendering_from_json(message)
        raise EngineError(f"the engine ended without an answer: {self._last_words()}", permanent=False)

    def stop(self) -> None:
        """End the whole group: SIGTERM, a grace, SIGKILL. Safe from any thread, and when it is over already."""
        with self._stopping:
            if self._child.poll() is None:
                self._signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(self._grace_seconds)
            self._signal(signal.SIGKILL)
            self._child.wait()

    def _messages(self) -> Iterator[dict[str, Any]]:
        assert self._child.stdin is not None and self._child.stdout is not None  # noqa: S101, PT018 - both are pipes
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(wire.write_order(self._order))
            self._child.stdin.flush()
        for line in self._child.stdout:
            yield json.loads(line)

    def _signal(self, number: signal.Signals) -> None:
        """Reach grandchildren too; the group may outlive its leader, or be gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, number)

    def _last_words(self) -> str:
        self._child.wait()
        end = self._chatter.read_bytes()[-_LAST_WORDS_BYTES:].decode(errors="replace").strip()
        how = f"signal {-self._child.returncode}" if self._child.returncode < 0 else f"exit {self._child.returncode}"
        return f"{how}; {end.splitlines()[-1]}" if end else how


def _harmless_environment() -> dict[str, str]:
    """What the child may know: everything but the keys to the house."""
    kept = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), kept.get("PYTHONPATH", "")]).rstrip(":")
    }
