"""Says what happened, by name, to whoever listens; knows nothing of logs, metrics or traces."""

from collections.abc import Callable

Listener = Callable[[str, dict[str, object]], None]

_listeners: list[Listener] = []


def emit(name: str, **facts: object) -> None:
    """Tell every listener that `name` happened. Facts are plain values; never a secret, never a signed link."""
    for listener in _listeners:
        listener(name, facts)


def listen(listener: Listener) -> None:
    """Add a listener for the life of the process; adding it twice changes nothing."""
    if listener not in _listeners:
        _listeners.append(listener)
