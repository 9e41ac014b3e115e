"""The built wheel, in an empty environment and away from the checkout, runs everything."""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.cli.stack.neighbours import new_home
from tests.free_ports import free_port
from tests.story.house import MULTI, PATIENCE_SECONDS, TRUST, wait_for

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True)
    return next(folder.glob("duologue-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Iterator[Path]:
    """A virtual environment with the locked requirements and the wheel, and nothing of the checkout."""
    with new_home() as home:
        folder = home / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        python = str(folder / "bin" / "python")
        locked = ["--require-hashes", "-r", str(ROOT / "requirements" / "embedded.txt")]
        subprocess.run([python, *PIP, "install", *locked], check=True)
        subprocess.run([python, *PIP, "install", "--no-deps", str(wheel)], check=True)
        yield folder


def test_it_holds_what_is_needed_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.startswith("duologue-")} == {"api", "cli", "jobs", "migrations", "workers"}
    assert any(name.startswith("migrations/versions/") for name in names)
    assert sum(name.endswith(".tflite") for name in names) == 2
    assert {"api/console/templates/layout.html", "api/console/static/console.css"} <= set(names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_it_runs_a_job_away_from_the_checkout(environment: Path) -> None:
    with new_home() as folder, up(environment, folder) as url:
        desk = [str(environment / "bin" / "duologue")]
        video = folder / "demo.mp4"
        subprocess.run([*desk, "demo", "--output", str(video)], check=True, cwd=folder, env=bare())
        assert video.read_bytes()[4:8] == b"ftyp"
        key = subprocess.run([*desk, "keys", "create", "a"], check=True, cwd=folder, env=bare(), capture_output=True)
        answer = httpx.post(
            f"{url}/api/v3/{MULTI}", json={}, headers={"Authorization": f"Bearer {key.stdout.decode().strip()}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (400, 400)


@contextmanager
def up(environment: Path, folder: Path) -> Iterator[str]:
    """Everything, started the way a user does, until it is ready."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [str(environment / "bin" / "duologue"), "up", "--port", url.rpartition(":")[2]]
    with (
        (folder / "up.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=bare(), stdout=log, stderr=log, start_new_session=True) as process,
    ):
        try:
            wait_for(lambda: is_ready(url, process, folder / "up.log"), f"ready: {folder / 'up.log'}")
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_SECONDS)
            finally:
                process.kill()  # or we would wait for it for ever
    assert process.returncode == 0, (folder / "up.log").read_text()


def is_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return httpx.get(f"{url}/ready", timeout=2, verify=TRUST).is_success
    except httpx.TransportError:
        return False


def bare() -> dict[str, str]:
    """An environment that leads nowhere near the checkout."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
