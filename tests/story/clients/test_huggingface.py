"""PyPI `huggingface_hub`'s way to WaveSpeed, from its registry and unmodified, works here as it does there."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.story.clients import venvs
from tests.story.house import House

SOLO = "wavespeed-ai/infinitetalk"
_PROGRAM = Path(__file__).with_name("hub_client.py")


def ask(house: House, folder: Path, task: str, **arguments: object) -> dict[str, Any]:
    """Have its inference client do a task: how many `bytes` came and how they began, or the `error` it raised."""
    told = {"key": house.key, "url": house.url, "task": task, "model": SOLO, "arguments": arguments}
    done = venvs.run([venvs.program("huggingface_hub"), str(_PROGRAM), json.dumps(told)], {}, folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def voice(house: House, files: dict[str, str]) -> str:
    return house.upload(Path(files["right.wav"]).read_bytes(), "right.wav")


def test_a_picture_and_a_voice_become_a_video(house: House, files: dict[str, str], voice: str, tmp_path: Path) -> None:
    done = ask(house, tmp_path, "image_to_video", image=files["two.png"], audio=voice, prompt="she talks", seed=7)
    assert done["begins"][4:8] == "ftyp"
    assert done["bytes"] > 1000
    linked = house.upload(Path(files["two.png"]).read_bytes(), "two.png")
    assert ask(house, tmp_path, "image_to_video", image=linked, audio=voice)["begins"][4:8] == "ftyp"


def test_what_fails_or_is_refused_says_why(house: House, files: dict[str, str], tmp_path: Path) -> None:
    page = house.upload(Path(files["page.wav"]).read_bytes(), "page.wav")
    failed = ask(house, tmp_path, "image_to_video", image=files["two.png"], audio=page)
    assert failed["kind"] == "ValueError"
    assert "WaveSpeed AI task failed: audio: " in failed["error"]
    assert ask(house, tmp_path, "image_to_video", image=files["two.png"])["kind"] == "BadRequestError"


def test_what_asks_for_no_video_is_refused(house: House, files: dict[str, str], tmp_path: Path) -> None:
    others: dict[str, dict[str, str]] = {
        "text_to_image": {"prompt": "two people"},
        "text_to_video": {"prompt": "two people"},
        "image_to_image": {"image": files["two.png"]},
    }
    for task, given in others.items():
        assert ask(house, tmp_path, task, **given)["kind"] == "BadRequestError", task
