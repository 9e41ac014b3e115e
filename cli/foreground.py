"""Keeps programs running in the foreground until we are told to stop, and then ends them in order."""

import time
from collections.abc import Callable, Sequence

import httpx

from cli.children import Child
from cli.failure import Failure
from cli.interruptions import Interruptions
from cli.log import Log

_LOOK_SECONDS = 0.1
_SLOW_SECONDS = 30.0
_HOPELESS_DEATHS = 4


class NeverCameUp(Failure):
    """A program that ended again and again before everything was ready."""


def wait_until_ready(api_url: str, children: Sequence[Child], log: Log, interruptions: Interruptions) -> bool:
    """Wait until GET /ready answers 200; False when we were told to stop first. Raises NeverCameUp."""
    slow_at = time.monotonic() + _SLOW_SECONDS
    while not interruptions.any:
        verdict = why_not_ready(api_url)
        if verdict is None:
            return True
        if time.monotonic() > slow_at:
            log.say(f"Not ready yet: {verdict}")
            slow_at = time.monotonic() + _SLOW_SECONDS
        _look_after(children)
        time.sleep(_LOOK_SECONDS)
    return False


def why_not_ready(api_url: str) -> str | None:
    """What is not ready, in words; None when all is."""
    try:
        reply = httpx.get(f"{api_url}/ready", timeout=2, trust_env=False)
    except httpx.TransportError as error:
        return f"the front door does not answer ({type(error).__name__})."
    try:
        answer = reply.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not {"status", "missing"} & answer.keys():
        return f"something answers at {api_url}, but it is not Duologue; choose another port with --port."
    return None if reply.is_success else " ".join(answer.get("missing", ())) or f"HTTP {reply.status_code}."


def watch(
    children: Sequence[Child], complaint: Callable[[], str | None], log: Log, interruptions: Interruptions
) -> None:
    """Start again what dies, and say what the servers complain of, until we are told to stop."""
    before: str | None = None
    while not interruptions.any:
        for child in children:
            child.look()
        if (now := complaint()) != before:
            log.say(now or "All servers are up again.")
            before = now
        time.sleep(_LOOK_SECONDS)


def stop(children: Sequence[Child], log: Log, interruptions: Interruptions) -> None:
    """End these together; asked to stop once more, end them at once."""
    running = [child for child in children if child.is_running]
    if running:
        names = " and the ".join(child.name for child in running)
        log.say(f"Stopping the {names}" + ("." if interruptions.are_urgent else "; Ctrl-C again hurries."))
    for child in running:
        child.ask_to_stop()
    for child in running:
        child.wait_until_gone(lambda: interruptions.are_urgent)


def _look_after(children: Sequence[Child]) -> None:
    for child in children:
        child.look()
        if child.deaths >= _HOPELESS_DEATHS:
            raise NeverCameUp(f"The {child.name} ended {child.deaths} times before it was ready; see its lines above.")
