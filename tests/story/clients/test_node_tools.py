"""npm `@wavespeed/mcp`, from its registry and unmodified, cannot tell us from the service it was written for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.rules.catalog import MODELS
from tests.story.clients import node, tools
from tests.story.clients.films import assert_is_a_video
from tests.story.clients.tools import ToolServer
from tests.story.house import MULTI, House

SOLO = "wavespeed-ai/infinitetalk"
TOOLS = {
    "list_models", "get_model_schema", "run_model", "get_price", "get_balance", "upload_file", "get_prediction",
}  # fmt: skip


@pytest.fixture
def assistant(house: House, tmp_path: Path) -> Iterator[ToolServer]:
    """The server, pointed at the house."""
    command = ["node", str(node.installed() / "node_modules/@wavespeed/mcp/dist/index.js")]
    pointed = {"WAVESPEED_BASE_URL": house.url, "WAVESPEED_API_KEY": house.key}
    with tools.tool_server(command, tmp_path, pointed) as server:
        yield server


def test_every_tool_it_has_is_used_below(assistant: ToolServer) -> None:
    assert assistant.names() == TOOLS


def test_it_knows_our_models_and_what_they_cost(assistant: ToolServer, files: dict[str, str]) -> None:
    found = assistant.call("list_models", query="infinitetalk", type="digital-human")
    assert [model["model_id"] for model in found["models"]] == list(MODELS)

    schema = assistant.call("get_model_schema", model=MULTI)
    assert schema["required"] == ["image", "left_audio", "right_audio"]
    assert schema["property_order"] == [
        *schema["required"],
        *(name for name in schema["properties"] if name not in schema["required"]),
    ]

    blind = assistant.call("get_price", model=MULTI, input={"resolution": "720p"})
    assert (blind["price"], blind["currency"]) == (0.3, "USD")
    assert blind["unpriced_inputs"] == ["left_audio", "right_audio"]
    assert assistant.call("get_price", model=SOLO)["at_base_price"]
    assert assistant.call("get_price", model=SOLO, input={"audio": f"@{files['left.wav']}"})["unpriced_inputs"] == []
    assert "There is no model" in assistant.complaint("get_price", model="nobody/nothing")


def test_it_knows_what_there_is_to_spend(assistant: ToolServer) -> None:
    told = assistant.call("get_balance")
    assert (told["balance"] > 0, told["currency"]) == (True, "USD")


def test_it_uploads_runs_and_fetches_again(assistant: ToolServer, files: dict[str, str]) -> None:
    pair = {
        "image": assistant.call("upload_file", path=files["two.png"])["url"],
        "left_audio": f"@{files['left.wav']}",
        "right_audio": f"@{files['right.wav']}",
    }
    done = assistant.call("run_model", model=MULTI, input=pair | {"order": "left_right"}, wait_seconds=100)
    assert (done["status"], done["uploaded_files"]) == ("completed", 2)
    assert_is_a_video(done["outputs"][0])

    again = assistant.call("get_prediction", id=done["id"])
    assert (again["status"], again["model"], again["error"]) == ("completed", MULTI, "")

    submitted = assistant.call("run_model", model=MULTI, input=pair, wait_seconds=0)
    assert submitted["status"] == "created"


def test_what_fails_or_is_refused_says_why(assistant: ToolServer, files: dict[str, str]) -> None:
    image = assistant.call("upload_file", path=files["two.png"])["url"]
    page = {"image": image, "audio": f"@{files['page.wav']}"}
    assert "audio: " in assistant.complaint("run_model", model=SOLO, input=page, wait_seconds=100)
    assert "audio is required" in assistant.complaint("run_model", model=SOLO, input={"image": image})
    assert "There is no such job" in assistant.complaint("get_prediction", id="0" * 32)
