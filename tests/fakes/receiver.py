"""A receiver of webhooks that behaves as badly as it is told to, path by path, and remembers all that it was sent."""

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

_TLS_HELLO = b"\x16"


@dataclass(frozen=True)
class Mood:
    """How a path answers: after a pause, with a status, headers and a body; or never, or by hanging up."""

    status: int = 200
    pause_seconds: float = 0.0
    headers: tuple[str, ...] = ()
    body: bytes = b"ok"
    never: bool = False
    hangs_up: bool = False
    drips: bool = False


WELL = Mood()
HANGING = Mood(never=True)
BROKEN = Mood(status=500, body=b"it broke")
GONE = Mood(status=410)
CUT = Mood(hangs_up=True)


@dataclass(frozen=True)
class Received:
    """One request as it came; header names in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def told(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


class Receiver:
    """Listens on a port of its own of 127.0.0.1, in a thread of its own."""

    def __init__(self, mood: Mood = WELL, port: int = 0) -> None:
        self.mood = mood
        self.moods: dict[str, Mood] = {}
        self.received: list[Received] = []
        self.most_at_once = 0
        self._at_once = 0
        self._listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._over = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.result(10).call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        """What came to one path."""
        return [one for one in list(self.received) if one.path == path]

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, sock=self._listener, backlog=1024)
        self._loop.set_result(asyncio.get_running_loop())
        await self._over.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError):
            return  # whoever called has hung up, which is their right
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first = await reader.readexactly(1)
        if first == _TLS_HELLO:
            writer.write(b"HTTP/1.1 400 This is plain HTTP\r\nContent-Length: 0\r\n\r\n")
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path = request.split(" ")[1]
        self.received.append(Received(path, headers, body))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._behave(self.moods.get(path, self.mood), writer)
        finally:
            self._at_once -= 1

    async def _behave(self, mood: Mood, writer: asyncio.StreamWriter) -> bool:
        if mood.hangs_up:
            return False
        if mood.never:
            await asyncio.Event().wait()
        if mood.pause_seconds:
            await asyncio.sleep(mood.pause_seconds)
        more = "".join(f"{line}\r\n" for line in mood.headers)
        writer.write(f"HTTP/1.1 {mood.status} Told\r\nContent-Length: {len(mood.body)}\r\n{more}\r\n".encode())
        if mood.drips:
            await self._drip(mood.body, writer)
        writer.write(mood.body)
        await writer.drain()
        return True

    async def _drip(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.05)
