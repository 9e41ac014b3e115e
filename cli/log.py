"""One calm log of many speakers: every line says who says it."""

import threading
from contextlib import suppress

from rich.console import Console
from rich.text import Text

_COLOURS = {"duologue": "bold cyan", "front door": "green", "worker": "magenta", "timetable": "blue"}
_WIDTH = max(len(name) for name in _COLOURS)


class Log:
    """Lines of several threads on standard output, none of them torn."""

    def __init__(self) -> None:
        self._paper = _Paper(highlight=False)
        self._turn = threading.Lock()

    def say(self, sentence: str) -> None:
        self.write("duologue", sentence)

    def write(self, who: str, line: str) -> None:
        prefix = Text(f"{who:<{_WIDTH}} | ", style=_COLOURS.get(who, "yellow"))
        with self._turn, suppress(OSError):  # the terminal may be gone before we are
            self._paper.print(prefix + Text(line), soft_wrap=True)


class _Paper(Console):
    def on_broken_pipe(self) -> None:
        """Go on in silence once nobody reads: the programs we keep are worth more than their log."""
        with suppress(SystemExit):
            super().on_broken_pipe()
