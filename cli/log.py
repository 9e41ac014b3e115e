"""One calm log of many speakers: every line says who says it."""

import threading

from rich.console import Console
from rich.text import Text

_COLOURS = {"duologue": "bold cyan", "front door": "green", "worker": "magenta", "timetable": "blue"}
_WIDTH = max(len(name) for name in _COLOURS)


class Log:
    """Lines of several threads, none of them torn."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._turn = threading.Lock()

    def say(self, sentence: str) -> None:
        self.write("duologue", sentence)

    def write(self, who: str, line: str) -> None:
        prefix = Text(f"{who:<{_WIDTH}} | ", style=_COLOURS.get(who, "yellow"))
        with self._turn:
            self._console.print(prefix + Text(line), soft_wrap=True)
