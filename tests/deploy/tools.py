"""Finds and runs the checkers that the development environment brings."""

import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

from tests.house import tree


def path(tool: str) -> Path | None:
    """Where a program is, if it is installed."""
    found = shutil.which(tool, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    return Path(found) if found else None


def compose() -> Path | None:
    """Docker Compose itself, where its wheel installs; the wheel's own command ends with 0 whatever is wrong."""
    spec = util.find_spec("compose")
    found = Path(next(iter(spec.submodule_search_locations or []), "")) / "docker-compose" if spec else Path()
    return found if found.is_file() else None


def run(program: Path | str, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a checker in the root of the house."""
    where = program if isinstance(program, Path) else path(program)
    assert where is not None, f"{program} is missing: `make check` installs it"
    return subprocess.run(
        [where, *arguments],
        cwd=tree.ROOT,
        check=False,
        capture_output=True,
        text=True,
        input=given,
        env=os.environ | environment,
    )
