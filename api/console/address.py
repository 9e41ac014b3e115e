"""Where the console is among the paths of the front door."""

from typing import Final

PREFIX: Final = "/console"


def is_console(path: str) -> bool:
    """Whether a path is one of the console's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")
