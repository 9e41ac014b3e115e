"""Whether this process is on its way out: no new claims from then on, and a limit for what still runs."""

import threading
import time

_begun = threading.Event()
_hand_back_at = float("inf")


def begin(limit_seconds: float) -> None:
    """Take no more work; after `limit_seconds` what still runs is handed back. The first call counts.

    Signals call this: a second one may interrupt the first inside the event's own lock, and must not wait for it.
    """
    global _hand_back_at  # noqa: PLW0603 - one process, one end
    if _hand_back_at == float("inf"):
        _hand_back_at = time.monotonic() + limit_seconds
        _begun.set()


def has_begun() -> bool:
    return _begun.is_set()


def must_hand_back() -> bool:
    return time.monotonic() >= _hand_back_at


def wait(seconds: float) -> bool:
    """Sleep, at most until the drain begins; whether it has."""
    return _begun.wait(seconds)
