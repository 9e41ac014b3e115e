"""Says what happened, by name, to whoever listens; knows nothing of logs, metrics or traces."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, dict[str, object]], None]

_listeners: list[Listener] = []
_about: ContextVar[Mapping[str, object]] = ContextVar("about", default={})  # noqa: B039 - nobody changes it in place


def emit(name: str, **facts: object) -> None:
    """Tell every listener that `name` happened. Facts are plain values; never a secret, never a signed link."""
    if around := _about.get():
        facts = {**around, **facts}
    for listener in _listeners:
        listener(name, facts)


@contextmanager
def about(**facts: object) -> Iterator[None]:
    """Have everything that this thread tells meanwhile say these facts too."""
    before = _about.set({**_about.get(), **facts})
    try:
        yield
    finally:
        _about.reset(before)


def listen(listener: Listener) -> None:
    """Add a listener for the life of the process; adding it twice changes nothing."""
    if listener not in _listeners:
        _listeners.append(listener)
