"""After a restart of everything, servers included, all that was told to a client is still so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs.settings import PREFIX
from tests.cli.stack.neighbours import new_home
from tests.free_ports import free_port
from tests.story.house import MULTI, PATIENCE_SECONDS, TRUST, wait_for

DESK = (sys.executable, "-m", "cli")


@pytest.fixture
def folder() -> Iterator[Path]:
    with new_home() as home:
        yield home


def test_a_prediction_is_readable_at_once_and_after_a_restart_of_everything(folder: Path) -> None:
    port = free_port()
    with up(folder, port), client(port, key := make_key(folder)) as door:
        form = {"image": "https://127.0.0.1/a", "left_audio": "AAAA", "right_audio": "AAAA"}
        submitted = door.post(f"/api/v3/{MULTI}", json=form).raise_for_status().json()["data"]
        assert door.get(submitted["urls"]["get"]).status_code == 200
        wait_for(lambda: read(door, submitted["id"])["status"] == "failed", "the job's end")
        before = read(door, submitted["id"])
    with up(folder, port), client(port, key) as door:
        assert read(door, submitted["id"]) == before


def read(door: httpx.Client, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = door.get(f"/api/v3/predictions/{job_id}/result").raise_for_status().json()["data"]
    return found


def client(port: int, key: str) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=30)


def make_key(folder: Path) -> str:
    command = [*DESK, "keys", "create", "tests", "--data", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, env=of_nobody()).stdout.decode().strip()


def of_nobody() -> dict[str, str]:
    """Without settings: those of the tests before us lead to servers that no restart of ours would touch."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


@contextmanager
def up(folder: Path, port: int) -> Iterator[None]:
    command = [*DESK, "up", "--data", str(folder), "--port", str(port), "--workers", "1"]
    with (
        (folder / "up.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=of_nobody()) as process,
    ):
        try:
            wait_for(lambda: is_ready(port, process, folder), "ready")
            yield
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            finally:
                process.kill()  # or we would wait for it for ever


def is_ready(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    assert process.poll() is None, (folder / "up.log").read_text()
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=2, verify=TRUST).is_success
    except httpx.TransportError:
        return False
