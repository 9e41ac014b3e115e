"""Terminals in folders of their own, and one `duologue up` for all tests that only use it."""

from collections.abc import Iterator

import pytest

from tests.cli.stack.neighbours import new_home
from tests.cli.terminal import Terminal, Up


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with new_home() as folder:
        yield Terminal(folder)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Terminal, Up]]:
    """A terminal in whose data folder everything runs."""
    with new_home() as folder:
        # Packages of these names beside us must not be taken for ours.
        for decoy in ("api", "workers"):
            (folder / decoy).mkdir()
            (folder / decoy / "__init__.py").write_text("raise SystemExit('this is not the package you want')")
        terminal = Terminal(folder)
        with terminal.up() as up:
            up.wait_until_ready()
            yield terminal, up


@pytest.fixture(scope="module")
def desk(served: tuple[Terminal, Up]) -> Terminal:
    return served[0]


@pytest.fixture(scope="module")
def up(served: tuple[Terminal, Up]) -> Up:
    return served[1]
