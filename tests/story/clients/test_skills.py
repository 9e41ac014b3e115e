"""PyPI `wavespeedai-skills`, from its registry and unmodified, cannot tell us from the service it was written for."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from jobs.rules.catalog import MODELS
from tests.story.clients import venvs
from tests.story.clients.films import assert_is_a_video
from tests.story.house import MULTI, House

SOLO = "wavespeed-ai/infinitetalk"
POINTED_HERE = """
import os, sys, wavespeed
wavespeed.config.api.base_url = os.environ["WAVESPEED_API_BASE"].removesuffix("/api/v3")
from wavespeedai_skills.cli import main
sys.exit(main())
"""
"""How `run` and `upload` are pointed here: they leave the address to PyPI `wavespeed`, which no variable tells."""


class Desk:
    """Its command line, pointed at a house."""

    def __init__(self, house: House, folder: Path) -> None:
        self._settings = {"WAVESPEED_API_BASE": f"{house.url}/api/v3", "WAVESPEED_API_KEY": house.key}
        self._folder = folder

    def ask(self, *arguments: str) -> CompletedProcess[str]:
        return venvs.run([self._program, *arguments], self._settings, self._folder)

    def ask_pointed(self, *arguments: str) -> CompletedProcess[str]:
        python = venvs.program("wavespeedai-skills")
        return venvs.run([python, "-c", POINTED_HERE, *arguments], self._settings, self._folder)

    def told(self, *arguments: str) -> Any:  # noqa: ANN401 - a command says what it likes
        return said(self.ask(*arguments))

    @property
    def _program(self) -> str:
        return venvs.program("wavespeedai-skills", "wavespeed-cli")


@pytest.fixture
def desk(house: House, tmp_path: Path) -> Desk:
    return Desk(house, tmp_path)


@pytest.fixture
def links(desk: Desk, files: dict[str, str]) -> dict[str, str]:
    """Every file, uploaded by this client."""
    uploaded = {name: desk.ask_pointed("upload", path) for name, path in files.items()}
    assert [done.stderr for done in uploaded.values() if done.returncode] == []
    return {name: done.stdout.strip() for name, done in uploaded.items()}


@contextmanager
def nobody_working(house: House) -> Iterator[None]:
    """The worker is held still meanwhile."""
    house.signal("worker", signal.SIGSTOP)
    try:
        yield
    finally:
        house.signal("worker", signal.SIGCONT)


def said(done: CompletedProcess[str]) -> Any:  # noqa: ANN401 - as above
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_command_it_has_is_known_to_us(desk: Desk) -> None:
    commands = re.search(r"\{([a-z,-]+)\}", desk.ask("--help").stdout)
    assert commands is not None
    ours = {"run", "submit", "result", "cancel", "upload", "models", "balance"}
    assert set(commands[1].split(",")) == ours | {"llm", "verify-webhook"}


def test_it_uploads_runs_and_gets_a_video(desk: Desk, links: dict[str, str]) -> None:
    pair = {"image": links["two.png"], "left_audio": links["left.wav"], "right_audio": links["right.wav"]}
    polled = said(desk.ask_pointed("run", MULTI, json.dumps(pair), "--poll-interval", "0.2", "--timeout", "100"))
    assert_is_a_video(polled["outputs"][0])
    solo = {"image": links["two.png"], "audio": links["right.wav"]}
    assert_is_a_video(said(desk.ask_pointed("run", SOLO, json.dumps(solo), "--sync"))["outputs"][0])

    submitted = desk.told("submit", SOLO, json.dumps(solo))["data"]
    assert submitted["status"] == "created"
    done = desk.told("result", submitted["id"], "--wait", "--poll-interval", "0.2", "--timeout", "100")["data"]
    assert (done["id"], done["status"]) == (submitted["id"], "completed")
    assert_is_a_video(done["outputs"][0])


def test_what_fails_or_is_refused_says_why(desk: Desk, links: dict[str, str]) -> None:
    broken = json.dumps({"image": links["two.png"], "audio": links["page.wav"]})
    failed = desk.ask_pointed("run", SOLO, broken, "--poll-interval", "0.2", "--timeout", "100")
    assert failed.returncode == 1
    assert "audio: " in failed.stderr

    task_id = desk.told("submit", SOLO, broken)["data"]["id"]
    shown = desk.ask("result", task_id, "--wait", "--poll-interval", "0.2", "--timeout", "100")
    assert (shown.returncode, json.loads(shown.stdout)["data"]["status"]) == (1, "failed")

    assert "audio is required" in desk.ask("submit", SOLO, json.dumps({"image": links["two.png"]})).stderr
    assert "[404]" in desk.ask("result", "0" * 32).stderr


def test_it_cancels_what_waits_and_deletes_what_is_final(house: House, desk: Desk, links: dict[str, str]) -> None:
    solo = json.dumps({"image": links["two.png"], "audio": links["right.wav"]})
    with nobody_working(house):
        task_id = desk.told("submit", SOLO, solo)["data"]["id"]
        assert desk.told("cancel", task_id)["data"]["status"] == "failed"
    stopped = desk.ask("result", task_id, "--wait")
    assert "cancelled" in json.loads(stopped.stdout)["data"]["error"]
    assert desk.told("cancel", task_id)["data"]["id"] == task_id
    assert "[404]" in desk.ask("result", task_id).stderr


def test_it_knows_our_models_and_what_there_is_to_spend(desk: Desk) -> None:
    assert desk.told("balance")["data"]["balance"] > 0
    assert [model["model_id"] for model in desk.told("models")["data"]] == list(MODELS)
    assert len(desk.told("models", "--filter", "infinitetalk-fast/multi")["data"]) == 1
    assert desk.ask("models", "--names-only").stdout.split() == list(MODELS)
