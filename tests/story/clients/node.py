"""Programs of the Node world, from their registry and unmodified, installed for one run of the tests."""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 90.0
_OWN = Path(__file__).parent


def install(folder: Path) -> Path:
    """Install what package-lock.json names below `folder`; skips the test where there is no Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("install Node.js 20 or later to run its clients")
    for name in ("package.json", "package-lock.json", "sdk.js"):
        shutil.copy(_OWN / name, folder)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


@dataclass
class ToolServer:
    """A server of the Model Context Protocol that speaks JSON lines over its own standard input and output."""

    process: subprocess.Popen[str]
    _answers: "queue.SimpleQueue[dict[str, Any]]" = field(default_factory=queue.SimpleQueue)
    _asked: int = 0

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def introduce(self) -> None:
        told = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        self.ask("initialize", told)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, **arguments: object) -> Any:  # noqa: ANN401 - a tool says what it likes
        """What a tool that went well has said."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        [content] = result["content"]
        assert not result.get("isError"), content["text"]
        return json.loads(content["text"])

    def complaint(self, tool: str, **arguments: object) -> str:
        """What a tool that failed has said."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        assert result.get("isError"), result
        text: str = result["content"][0]["text"]
        return text

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._asked += 1
        self._say({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params})
        answer = self._answers.get(timeout=PATIENCE_SECONDS)
        assert answer["id"] == self._asked, answer
        result: dict[str, Any] = answer["result"]
        return result

    def _say(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if "id" in message:
                self._answers.put(message)


@contextmanager
def tool_server(command: list[str], folder: Path, **environment: str) -> Iterator[ToolServer]:
    """The server while it runs; what it remembers lies in `folder`, and nothing it did before is known to it."""
    own = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **environment}
    with (
        (folder / "tools.log").open("w") as log,
        subprocess.Popen(
            command, env=own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            server = ToolServer(process)
            server.introduce()
            yield server
        finally:
            process.kill()
