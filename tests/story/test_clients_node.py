"""The official clients of the Node world cannot tell us from the service they were written for."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs.rules.catalog import MODELS
from tests.factories_media import people_png, voice_wav
from tests.story.clients import node
from tests.story.clients.node import ToolServer
from tests.story.house import MULTI, House

SOLO = "wavespeed-ai/infinitetalk"


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return node.install(tmp_path_factory.mktemp("clients"))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Paths of small media."""
    made = {
        "two.png": people_png(640, 360),
        "left.wav": voice_wav(0.6, 120),
        "right.wav": voice_wav(0.4, 210),
        "page.wav": b"<html>not a voice</html>",
    }
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in made}


@pytest.fixture
def tools(clients: Path, whole_house: House, tmp_path: Path) -> Iterator[ToolServer]:
    """@wavespeed/mcp, pointed at the house."""
    command = ["node", str(clients / "node_modules/@wavespeed/mcp/dist/index.js")]
    (tmp_path / "home").mkdir()
    pointed = {"WAVESPEED_BASE_URL": whole_house.url, "WAVESPEED_API_KEY": whole_house.key}
    with node.tool_server(command, tmp_path / "home", **pointed) as server:
        yield server


def call(clients: Path, house: House, method: str, *given: object, key: str | None = None) -> dict[str, Any]:
    """Have the npm client do something: its `answer`, or the `error` it raised."""
    told = json.dumps({"key": key or house.key, "baseUrl": house.url, "method": method, "given": given})
    done = subprocess.run(
        ["node", "sdk.js", told], cwd=clients, check=True, capture_output=True, text=True, timeout=node.PATIENCE_SECONDS
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def upload(clients: Path, house: House, path: str) -> str:
    link: str = call(clients, house, "upload", path)["answer"]
    return link


def assert_is_a_video(link: str) -> None:
    assert httpx.URL(link).path.endswith(".mp4")
    video = httpx.get(link, headers={"Range": "bytes=4-7"})
    assert (video.status_code, video.content, video.headers["content-type"]) == (206, b"ftyp", "video/mp4")


def test_the_npm_client_uploads_runs_fails_and_is_refused(
    clients: Path, whole_house: House, files: dict[str, str]
) -> None:
    links = {name: upload(clients, whole_house, path) for name, path in files.items()}
    pair = {"image": links["two.png"], "left_audio": links["left.wav"], "right_audio": links["right.wav"]}
    polled = call(clients, whole_house, "run", MULTI, pair, {"pollInterval": 0.2, "timeout": 60})
    assert_is_a_video(polled["answer"]["outputs"][0])

    solo = {"image": links["two.png"], "audio": links["right.wav"]}
    waited = call(clients, whole_house, "run", SOLO, solo, {"enableSyncMode": True})
    assert_is_a_video(waited["answer"]["outputs"][0])

    failed = call(clients, whole_house, "run", SOLO, solo | {"audio": links["page.wav"]}, {"pollInterval": 0.2})
    assert failed["kind"] != "AbortError"
    assert "audio: " in failed["error"]

    told = call(clients, whole_house, "runNoThrow", SOLO, solo | {"audio": links["page.wav"]}, {"pollInterval": 0.2})
    assert told["answer"]["outputs"] is None
    assert told["answer"]["detail"]["status"] == "failed"

    assert "audio is required" in call(clients, whole_house, "run", SOLO, {"image": links["two.png"]})["error"]
    assert "HTTP 401" in call(clients, whole_house, "run", SOLO, solo, key="wrong")["error"]


def test_the_tools_know_our_models_and_what_they_cost(tools: ToolServer, files: dict[str, str]) -> None:
    found = tools.call("list_models", query="infinitetalk", type="digital-human")
    assert [model["model_id"] for model in found["models"]] == list(MODELS)

    schema = tools.call("get_model_schema", model=MULTI)
    assert schema["required"] == ["image", "left_audio", "right_audio"]
    assert schema["property_order"] == [
        *schema["required"],
        *(name for name in schema["properties"] if name not in schema["required"]),
    ]

    blind = tools.call("get_price", model=MULTI, input={"resolution": "720p"})
    assert (blind["price"], blind["currency"]) == (0.3, "USD")
    assert blind["unpriced_inputs"] == ["left_audio", "right_audio"]
    assert tools.call("get_price", model=SOLO)["at_base_price"]
    assert tools.call("get_price", model=SOLO, input={"audio": f"@{files['left.wav']}"})["unpriced_inputs"] == []
    assert "There is no model" in tools.complaint("get_price", model="nobody/nothing")


def test_the_tools_upload_run_and_fetch_again(tools: ToolServer, files: dict[str, str]) -> None:
    pair = {
        "image": tools.call("upload_file", path=files["two.png"])["url"],
        "left_audio": f"@{files['left.wav']}",
        "right_audio": f"@{files['right.wav']}",
    }
    done = tools.call("run_model", model=MULTI, input=pair | {"order": "left_right"}, wait_seconds=60)
    assert (done["status"], done["uploaded_files"]) == ("completed", 2)
    assert_is_a_video(done["outputs"][0])

    again = tools.call("get_prediction", id=done["id"])
    assert (again["status"], again["model"], again["error"]) == ("completed", MULTI, "")

    submitted = tools.call("run_model", model=MULTI, input=pair, wait_seconds=0)
    assert submitted["status"] == "created"

    page = {"image": pair["image"], "audio": f"@{files['page.wav']}"}
    assert "audio: " in tools.complaint("run_model", model=SOLO, input=page, wait_seconds=60)
    assert "audio is required" in tools.complaint("run_model", model=SOLO, input={"image": pair["image"]})
    assert "There is no such job" in tools.complaint("get_prediction", id="0" * 32)
