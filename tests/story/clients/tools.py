"""Speaks with a server of the Model Context Protocol over its standard input and output, as an assistant would."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.story.clients.venvs import bare
from tests.story.house import PATIENCE_SECONDS


@dataclass
class ToolServer:
    """A server that speaks JSON lines; what it prints besides is passed over."""

    process: subprocess.Popen[str]
    _answers: "queue.SimpleQueue[dict[str, Any]]" = field(default_factory=queue.SimpleQueue)
    _asked: int = 0

    def __post_init__(self) -> None:
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def close(self) -> None:
        """Kill it, and wait until all it said is read: nobody may read from what is about to be closed."""
        self.process.kill()
        self._listener.join()

    def introduce(self) -> None:
        told = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        self.ask("initialize", told)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def names(self) -> set[str]:
        return {tool["name"] for tool in self.ask("tools/list", {})["tools"]}

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
            if line.startswith("{") and "id" in (message := json.loads(line)):
                self._answers.put(message)


@contextmanager
def tool_server(command: list[str], folder: Path, settings: Mapping[str, str]) -> Iterator[ToolServer]:
    """The server while it runs; its home is `folder`, which nobody used before."""
    with (
        (folder / "tools.log").open("w") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**bare(folder), **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        server = ToolServer(process)
        try:
            server.introduce()
            yield server
        finally:
            server.close()
