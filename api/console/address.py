"""Where the console is among the paths of the front door, and how long its forms may be."""

from typing import Final

PREFIX: Final = "/console"
FORM_MAX_BYTES: Final = 256 * 1024


def is_console(path: str) -> bool:
    """Whether a path is one of the console's."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")
