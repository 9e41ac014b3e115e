"""A private PostgreSQL, Valkey and S3 bucket under one data folder, for as long as somebody uses them."""

import errno
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli.stack import book, folders, locks
from cli.stack.bucket import Bucket
from cli.stack.desk import Desk
from cli.stack.parts import Part
from cli.stack.postgres import Database
from cli.stack.stay import Stay
from cli.stack.valkey import Broker
from jobs.errors import WrongSetting

PARTS = ("database", "broker", "bucket")
TURN_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Running:
    """What is up and how to reach it."""

    environment: dict[str, str] = field(repr=False)  # the settings that lead to the parts we run or have joined
    started: tuple[str, ...]  # the parts this call started
    desks: tuple[Desk, ...] = ()

    def broken(self) -> str | None:
        """A sentence about a server that is down at this moment, or None; its keeper is already starting it again."""
        sentences = [sentence for desk in self.desks if (sentence := desk.complaint())]
        return " ".join(sentences) or None


@contextmanager
def running(
    data: Path,
    *,
    parts: Collection[str] = PARTS,
    report: Callable[[str], None] = lambda _: None,
    origins: Collection[str] = ("*",),
) -> Iterator[Running]:
    """Start what `parts` name and no URL of one's own replaces, or join what runs in this data folder already.

    A server lives as long as anybody is inside `running` for its folder; the last to leave waits until it is gone.
    `origins` are the web pages that may use links into the bucket. Raises WrongSetting with what to do.
    """
    with _in_words(data):
        data = folders.open_up(data)
    stays: list[Stay] = []
    try:
        with _in_words(data), _our_turn(data):
            for part in _wanted(parts, origins):
                stays.append(Stay(part, data))  # noqa: PERF401 - those made must be left again if the next fails
            _start(stays, report)
        yield _describe(stays)
    finally:
        for stay in stays:
            stay.ask_to_stop()
        for stay in stays:
            stay.leave()


def find(data: Path) -> dict[str, str] | None:
    """The settings that lead to the servers somebody else runs in this data folder now, or None."""
    data = data.expanduser().absolute()
    environment: dict[str, str] = {}
    with _in_words(data):
        pages = book.read(data)
        for part in _wanted(pages, ()):
            if Desk(data, part.name).is_ready():
                environment |= part.environment(pages[part.name])
    return environment or None


def has_database(data: Path) -> bool:
    """Whether a database was ever made in this data folder."""
    with _in_words(data):
        return "database" in book.read(data)


@contextmanager
def _in_words(data: Path) -> Iterator[None]:
    """Say what a full or forbidden disk means for whoever chose the folder."""
    try:
        yield
    except OSError as error:
        sentences = {
            errno.ENOSPC: f"The disk that holds {data} is full: make room, or choose another folder with --data.",
            errno.EDQUOT: f"Your share of the disk of {data} is used up: make room, or choose another with --data.",
            errno.EACCES: f"{error.filename} is not ours to use: choose another folder with --data.",
            errno.EPERM: f"{error.filename} is not ours to use: choose another folder with --data.",
            errno.EROFS: f"{data} cannot be written to: choose another folder with --data.",
        }
        if error.errno not in sentences:
            raise
        raise WrongSetting(sentences[error.errno]) from error


@contextmanager
def _our_turn(data: Path) -> Iterator[None]:
    """One at a time starts servers in a data folder; the next then finds them running."""
    sentence = f"Another duologue has been starting its servers in {data} for two minutes: end it and try again."
    with locks.alone(data / "stack.lock", patience_seconds=TURN_PATIENCE_SECONDS, otherwise=sentence):
        yield


def _wanted(parts: Collection[str], origins: Collection[str]) -> list[Part]:
    """The parts to run, the slowest to start first."""
    every: tuple[Part, ...] = (Bucket(origins), Database(), Broker())
    return [part for part in every if part.name in parts and not _is_replaced(part.setting)]


def _is_replaced(setting: str) -> bool:
    return bool(os.environ.get(setting) or os.environ.get(f"{setting}_FILE"))


def _start(stays: list[Stay], report: Callable[[str], None]) -> None:
    for stay in stays:
        stay.begin()
    for stay in stays:
        stay.wait_until_ready()
        report(f"{stay.part.name} {'started' if stay.started else 'joined'} on port {stay.page['port']}")


def _describe(stays: list[Stay]) -> Running:
    environment: dict[str, str] = {}
    for stay in stays:
        environment |= stay.part.environment(stay.page)
    started = {stay.part.name for stay in stays if stay.started}
    return Running(environment, tuple(name for name in PARTS if name in started), tuple(stay.desk for stay in stays))
