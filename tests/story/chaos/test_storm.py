import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.settings import PREFIX
from tests.house.tree import ROOT

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds other processes in /proc"),
]


def chaos(**chosen: float) -> subprocess.CompletedProcess[str]:
    options = [word for name, value in chosen.items() for word in (f"--{name}", f"{value:g}")]
    command = [sys.executable, "-m", "tests.story.chaos", *options]
    # Settings that other tests left would replace the storm's own servers with theirs.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


def test_a_short_storm_loses_and_doubles_nothing() -> None:
    done = chaos(seed=3, minutes=0.4, jobs=20, faults=10)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every promise was kept." in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_long_storm_loses_and_doubles_nothing(seed: int) -> None:
    done = chaos(seed=seed, minutes=3, jobs=200, faults=30)
    assert done.returncode == 0, done.stdout + done.stderr
