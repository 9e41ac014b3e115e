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
_SILENCE_SECONDS = 5.0
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


def stop(children: Sequence[Child], log: Log, interruptions: Interruptions, waits_for: str = "") -> list[Child]:
    """End these together; asked to stop once more, end them at once. Those that did not end by themselves.

    `waits_for` says what their end waits for, where that may take a while.
    """
    running = [child for child in children if child.is_running]
    if running:
        names = " and the ".join(child.name for child in running)
        log.say(f"Stopping the {names}" + ("." if interruptions.are_urgent else "; Ctrl-C again hurries."))
        if waits_for and not interruptions.are_urgent:
            log.say(waits_for)
    for child in running:
        child.ask_to_stop()
    return [child for child in running if not child.wait_until_gone(_impatience(child, log, interruptions))]


def _impatience(child: Child, log: Log, interruptions: Interruptions) -> Callable[[], bool]:
    """Tells whether we were asked to hurry, and now and then the operator that there is somebody who takes long."""
    say_at = time.monotonic() + _SILENCE_SECONDS

    def is_hurried() -> bool:
        nonlocal say_at
        if time.monotonic() > say_at:
            log.say(f"Still waiting for the {child.name}; Ctrl-C again hurries.")
            say_at = time.monotonic() + _SILENCE_SECONDS
        return interruptions.are_urgent

    return is_hurried


def _look_after(children: Sequence[Child]) -> None:
    for child in children:
        child.look()
        if child.deaths >= _HOPELESS_DEATHS:
            raise NeverCameUp(f"The {child.name} ended {child.deaths} times before it was ready; see its lines above.")
