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


def cloud(**chosen: float) -> subprocess.CompletedProcess[str]:
    options = [word for name, value in chosen.items() for word in (f"--{name}", f"{value:g}")]
    command = [sys.executable, "-m", "tests.story.cloud", *options]
    # Settings that other tests left would replace the run's own servers with theirs.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)


def test_an_upstream_with_every_fault_is_paid_once_and_its_bill_is_ours() -> None:
    # Of the seeds whose first jobs meet most faults, one that meets none of those that take minutes.
    done = cloud(seed=331, jobs=30, kills=3, seconds=10)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every promise was kept." in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 11))
def test_hundreds_of_jobs_are_paid_once_and_the_bill_is_ours(seed: int) -> None:
    done = cloud(seed=seed, jobs=500, kills=12, seconds=180)
    assert done.returncode == 0, done.stdout + done.stderr
