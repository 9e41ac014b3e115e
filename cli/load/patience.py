"""Asks again: a door that is restarted under a load is away for a moment, and all that was seen is not lost for it."""

import time
from collections.abc import Callable

from cli.client import Json, NoAnswer

_PAUSE_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0


def patiently(ask: Callable[[], Json]) -> Json:
    """What `ask` answers within a minute. Raises NoAnswer and Refused."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except NoAnswer:
            if time.monotonic() > until:
                raise
        time.sleep(_PAUSE_SECONDS)
