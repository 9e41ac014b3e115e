"""Data folders that end with their test, a stack for those who only use one, and hosts in other processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import stack
from tests.cli.stack.neighbours import Host, new_home

SETTINGS = ("DUOLOGUE_DATABASE_URL", "DUOLOGUE_BROKER_URL", "DUOLOGUE_S3_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def _no_servers_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_servers(monkeypatch)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that every user may enter, so that root's database finds its place inside too."""
    with new_home() as folder:
        yield folder


@dataclass(frozen=True)
class Up:
    data: Path
    now: stack.Running


@pytest.fixture(scope="package")
def up() -> Iterator[Up]:
    """One stack for all tests that only use it, under a name with spaces, longer than a socket's path may be."""
    with new_home() as folder, pytest.MonkeyPatch.context() as patch:
        forget_servers(patch)
        data = folder / f"a long name with spaces {'x' * 100}" / "data"
        with stack.running(data) as now:
            yield Up(data, now)


@pytest.fixture
def host() -> Iterator[Callable[..., Host]]:
    """Starts hosts, and ends them with the test."""
    with ExitStack() as started:

        def start(data: Path, *parts: str, **how: Any) -> Host:  # noqa: ANN401 - as Host takes them
            one = Host(data, *parts, **how)
            started.callback(one.end)
            return one

        yield start


def forget_servers(patch: pytest.MonkeyPatch) -> None:
    """Other tests point the settings of this process at servers of theirs, which would replace ours."""
    for name in SETTINGS:
        patch.delenv(name, raising=False)
