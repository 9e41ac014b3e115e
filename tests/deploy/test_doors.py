"""Whatever compose starts ends at once with a sentence, and no trace, when its settings cannot work."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobs.settings import PREFIX
from tests.deploy import images
from tests.deploy.compose import OURS, SERVICES
from tests.house import tree

PATIENCE_SECONDS = 120
SERVERS = {
    "DUOLOGUE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
    "DUOLOGUE_BROKER_URL": "redis://127.0.0.1:9/0",
    "DUOLOGUE_S3_ACCESS_KEY_ID": "made up",
    "DUOLOGUE_S3_SECRET_ACCESS_KEY": "made up",
}
SLIP = SERVERS | {"DUOLOGUE_LEASE_SECONDS": "a minute", "DUOLOGUE_PROT": "8000"}
UNREADABLE = SERVERS | {"DUOLOGUE_ENGINES": "cloud", "DUOLOGUE_WAVESPEED_API_KEYS": "made-up:copper"}


def test_each_program_says_what_is_missing_or_wrong_and_ends() -> None:
    programs = [name for name in OURS if name != "gpu-worker"]  # the worker's program
    cases = [(name, SLIP, "DUOLOGUE_LEASE_SECONDS: Input should be a valid number") for name in programs]
    programs.remove("migrate")  # it brings a database of its own where none is named
    cases += [(name, {}, "DUOLOGUE_DATABASE_URL, DUOLOGUE_BROKER_URL") for name in programs]
    cases += [("timetable", UNREADABLE, "DUOLOGUE_WAVESPEED_API_KEYS")]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda case: run(case[0], case[1]), cases))

    for (name, told, sentence), end in zip(cases, ended, strict=True):
        assert end.returncode == 1, (name, told, end)
        assert sentence in end.stderr, (name, told, end)
        assert "Traceback" not in end.stderr, (name, told, end)


def run(name: str, told: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The service's own command, as it would be with nothing in its environment but this."""
    bare = {variable: value for variable, value in os.environ.items() if not variable.startswith(PREFIX)}
    bare["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), bare["PATH"]])
    command = [word.replace("${WORKER_SLOTS:-2}", "2") for word in SERVICES[name].get("command", images.command())]
    return subprocess.run(
        command,
        cwd=tree.ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env=bare | {"PYTHONPATH": str(tree.ROOT)} | told,
    )
