"""A `duologue up` for as long as a command needs one: the one that runs in the data folder, else one of our own."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli import door, environment, foreground, log
from cli.client import NoAnswer, Refused
from cli.failure import Failure
from cli.screen import say
from cli.waiting import JobFailed

_PATIENCE_SECONDS = 120.0
_STOPPING_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_LAST_BYTES = 2000


class NotReady(Failure):
    """It runs, and yet is not there for us."""


@contextmanager
def running_up(data: Path) -> Iterator[None]:
    """Everything up and ready in this data folder; stopped afterwards when it was us who started it.

    Nothing is started for an API somewhere else, which DUOLOGUE_API_URL names. What fails on the servers' side is
    raised with the place of their log.
    """
    if os.environ.get("DUOLOGUE_API_URL"):
        yield
        return
    if door.here(data):
        with _told_where(data):
            _wait_until_ready(data, lambda: None)
            yield
        return
    say("Starting the servers, the front door and the workers")
    with tempfile.TemporaryFile() as said, _our_own(data, said) as ours, _told_where(data):
        _wait_until_ready(data, lambda: _last_words(said) if ours.poll() is not None else None)
        yield


@contextmanager
def _told_where(data: Path) -> Iterator[None]:
    """Say where the front door and the workers have written down what happened."""
    try:
        yield
    except (NoAnswer, Refused, JobFailed, NotReady) as error:
        if not log.file_in(data).exists():
            raise
        raise Failure(f"{error}\nWhat the front door and the workers said is in {log.file_in(data)}.") from None


@contextmanager
def _our_own(data: Path, said: IO[bytes]) -> Iterator["subprocess.Popen[bytes]"]:
    ours = subprocess.Popen(
        [sys.executable, "-m", "cli.tether", "cli", "up", "--data", str(data), "--port", "0"],
        cwd=environment.ROOT,
        env=environment.of_children(),
        stdin=subprocess.PIPE,  # the tether: see cli/tether.py
        stdout=said,
        stderr=said,
        start_new_session=True,
    )
    try:
        yield ours
    finally:
        ours.terminate()
        try:
            ours.wait(_STOPPING_SECONDS)
        except subprocess.TimeoutExpired:
            ours.kill()  # and all it started ends with it
            ours.wait()


def _wait_until_ready(data: Path, last_words: Callable[[], str | None]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    verdict: str | None = "it has not begun."
    while verdict is not None:
        if words := last_words():
            raise Failure(f"`duologue up` could not start. It said:\n{words}")
        if time.monotonic() > until:
            raise NotReady(f"`duologue up` is not ready after {_PATIENCE_SECONDS:.0f} s: {verdict}")
        time.sleep(_LOOK_SECONDS)
        if url := door.here(data):
            verdict = foreground.why_not_ready(url)


def _last_words(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, 2) - _LAST_BYTES))
    return said.read().decode(errors="replace").strip()
