"""PyPI `wavespeed-mcp`, from its registry and unmodified, cannot tell us from the service it was written for.

Its tools know no voices, so that no tool call of it can make a talking video; the client it brings runs any model.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.story.clients import tools, venvs
from tests.story.clients.films import assert_is_a_video
from tests.story.clients.tools import ToolServer
from tests.story.house import MULTI, House

NAME = "wavespeed-mcp"
LINK = "https://example.com/two.png"
SOLO = "wavespeed-ai/infinitetalk"
_PROGRAM = Path(__file__).with_name("tool_client.py")


@pytest.fixture
def pointed(house: House) -> dict[str, str]:
    return {"WAVESPEED_API_HOST": house.url, "WAVESPEED_API_KEY": house.key, "WAVESPEED_WAIT_RESULT_TIMEOUT": "100"}


@pytest.fixture
def assistant(pointed: dict[str, str], tmp_path: Path) -> Iterator[ToolServer]:
    with tools.tool_server([venvs.program(NAME, NAME)], tmp_path, pointed) as server:
        yield server


def run(settings: dict[str, str], folder: Path, model: str, inputs: dict[str, str]) -> dict[str, Any]:
    """Have its client run a model: the prediction, or the `error` it raised."""
    command = [venvs.program(NAME), str(_PROGRAM), model, json.dumps(inputs)]
    done = venvs.run(command, settings, folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_its_client_runs_a_model_and_says_what_failed(
    house: House, pointed: dict[str, str], files: dict[str, str], tmp_path: Path
) -> None:
    links = {name: house.upload(Path(path).read_bytes(), name) for name, path in files.items()}
    pair = {"image": links["two.png"], "left_audio": links["left.wav"], "right_audio": links["right.wav"]}
    done = run(pointed, tmp_path, MULTI, pair)
    assert (done["status"], done["model"]) == ("completed", MULTI)
    assert_is_a_video(done["outputs"][0])

    broken = {"image": links["two.png"], "audio": links["page.wav"]}
    assert "audio: " in run(pointed, tmp_path, SOLO, broken)["error"]
    assert "audio is required" in run(pointed, tmp_path, SOLO, {"image": links["two.png"]})["error"]
    assert run(pointed | {"WAVESPEED_API_KEY": "wrong"}, tmp_path, SOLO, {})["kind"] == "WavespeedAuthError"


def test_each_tool_hears_in_words_what_our_model_wants_besides(assistant: ToolServer, files: dict[str, str]) -> None:
    asked: dict[str, dict[str, object]] = {
        "text_to_image": {"model": SOLO, "prompt": "they talk"},
        "image_to_image": {"model": SOLO, "prompt": "they talk", "image": LINK, "images": [LINK]},
        "generate_video": {"model": SOLO, "prompt": "they talk", "image": files["two.png"]},
    }
    assert assistant.names() == set(asked)
    for tool, arguments in asked.items():
        told = assistant.call(tool, **arguments)
        assert (told["status"], told["urls"]) == ("error", []), tool
        assert "is required" in told["error"], tool
