"""The clients that want other versions than ours, each in an environment of its own that `make clients` makes."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.story.house import PATIENCE_SECONDS

CLIENTS = Path(__file__).parents[3] / ".venv" / "clients"


def program(client: str, name: str = "python") -> str:
    """The path of a program that came with `client`; skips the test where it is not installed."""
    folder = CLIENTS / client
    if not (folder / ".installed").exists():
        pytest.skip(f"run `make clients` to install {client}")
    return str(folder / "bin" / name)


def run(command: list[str], settings: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a client to its end in `folder`, told nothing but `settings` and what every program is told."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**bare(folder), **settings},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def bare(folder: Path) -> dict[str, str]:
    """An environment whose home is `folder`, so that nothing a client did before is known to it."""
    known = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return known | {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "NO_PROXY": "127.0.0.1"}
