"""Every example of docs/clients.md, run as it stands there but for the address, the key and the voice."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.story.clients import node, tools, venvs
from tests.story.house import House

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
SECTION = re.compile(r"^## (?P<title>.+?)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    client: str
    language: str
    code: str


EXAMPLES = [
    Example(section["title"].replace("`", ""), block["language"], block["code"])
    for section in SECTION.finditer(PAGE.read_text(encoding="utf-8"))
    for block in BLOCK.finditer(section["text"])
]


def python(example: Example, folder: Path) -> str:
    """PyPI `wavespeed` itself is among what our tests need; the others have environments of their own."""
    name = example.client.removeprefix("PyPI ")
    home = "wavespeedai-skills" if name == "wavespeed" else name  # it brings the same version of it
    return output([venvs.program(home), "-c", example.code], folder)


def javascript(example: Example, folder: Path) -> str:
    (folder / "node_modules").symlink_to(node.installed() / "node_modules")
    (folder / "example.mjs").write_text(example.code, encoding="utf-8")
    return output(["node", "example.mjs"], folder)


def shell(example: Example, folder: Path) -> str:
    programs = Path(venvs.program(example.client.removeprefix("PyPI "))).parent
    return output(["bash", "-euc", example.code], folder, PATH=f"{programs}:{os.environ['PATH']}")


def assistant(example: Example, folder: Path) -> str:
    """What an assistant makes of it, but that the package is here already and need not be fetched by npx."""
    [told] = json.loads(example.code)["mcpServers"].values()
    assert told["args"] == ["-y", "@wavespeed/mcp"]
    command = ["node", str(node.installed() / "node_modules/@wavespeed/mcp/dist/index.js")]
    with tools.tool_server(command, folder, told["env"]) as server:
        return json.dumps(server.call("list_models"))


RUNNERS: dict[str, Callable[[Example, Path], str]] = {
    "python": python,
    "js": javascript,
    "sh": shell,
    "json": assistant,
}
SAYS = {
    ("PyPI wavespeed", "python"): r"^http://.+\.mp4",
    ("npm wavespeed", "js"): r"^http://.+\.mp4",
    ("npm @wavespeed/mcp", "json"): r'"total_matches": 8',
    ("PyPI wavespeedai-skills", "sh"): r'"balance": \d[^$]+infinitetalk-fast/multi',
    ("PyPI wavespeedai-skills", "python"): r"^http://.+/right\.wav",
    ("PyPI huggingface_hub", "python"): r"^\d{4,}$",
}
"""What each prints when it goes well."""


def output(command: list[str], folder: Path, **settings: str) -> str:
    done = venvs.run(command, settings, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_known() -> None:
    assert {(example.client, example.language) for example in EXAMPLES} == set(SAYS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.client} {example.language}")
def test_an_example_does_what_it_shows(house: House, files: dict[str, str], tmp_path: Path, example: Example) -> None:
    for name in ("two.png", "right.wav"):
        (tmp_path / name).symlink_to(files[name])
    voice = house.upload(Path(files["right.wav"]).read_bytes(), "right.wav")
    code = example.code.replace("http://127.0.0.1:8000", house.url).replace("https://example.com/voice.mp3", voice)
    here = example._replace(code=re.sub(r"\bKEY\b", house.key, code))
    assert re.search(SAYS[example.client, example.language], RUNNERS[example.language](here, tmp_path))
