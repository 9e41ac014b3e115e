"""One calm log of many speakers, on the terminal and in a file: every line says who says it."""

import os
import threading
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

_COLOURS = {"duologue": "bold cyan", "front door": "green", "worker": "magenta", "timetable": "blue"}
_WIDTH = max(len(name) for name in _COLOURS)
_LIMIT_BYTES = 16 * 2**20
_EARLY_LINES = 1000


def file_in(data: Path) -> Path:
    """Where the log of what `duologue up` runs in a data folder is kept."""
    return data / "logs" / "up.log"


class Log:
    """Lines of several threads on standard output, none of them torn; `keep_in` has a file remember them, too."""

    def __init__(self) -> None:
        self._paper = _Paper(highlight=False)
        self._turn = threading.Lock()
        self._file: Path | None = None
        self._early: deque[str] = deque(maxlen=_EARLY_LINES)

    def keep_in(self, file: Path) -> None:
        """Write every line into `file` from now on, those said before first; what an earlier run wrote moves aside."""
        with self._turn, suppress(OSError):
            _move_aside(file)
            self._file = file
            self._remember("".join(self._early))

    def say(self, sentence: str) -> None:
        self.write("duologue", sentence)

    def write(self, who: str, line: str) -> None:
        kept = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ} {who:<{_WIDTH}} | {line}\n"
        prefix = Text(f"{who:<{_WIDTH}} | ", style=_COLOURS.get(who, "yellow"))
        with self._turn:
            with suppress(OSError):  # the terminal may be gone before we are
                self._paper.print(prefix + Text(line), soft_wrap=True)
            if self._file is None:
                self._early.append(kept)
            else:
                with suppress(OSError):  # a full disk must not end the programs we keep
                    self._remember(kept)

    def _remember(self, text: str) -> None:
        """Append, and begin anew once it is too long; the file is opened each time, so that it may be moved away."""
        assert self._file is not None  # noqa: S101 - for the type checker: only called once it is there
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
            is_long = file.tell() > _LIMIT_BYTES
        if is_long:
            _move_aside(self._file)


def _move_aside(file: Path) -> None:
    if file.exists():
        file.replace(file.with_suffix(".log.1"))


class _Paper(Console):
    def on_broken_pipe(self) -> None:
        """Go on in silence once nobody reads: the programs we keep are worth more than their log."""
        with suppress(SystemExit):
            super().on_broken_pipe()
