"""The other side of `benchmarks/webhooks.py`: a receiver in a process of its own, and a loop that only posts to it.

`python benchmarks/receiving.py PORT` is the receiver, `python benchmarks/receiving.py URL COUNT` the loop.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

AT_ONCE: Final = 16


def told(port: int, *numbers: int) -> Any:  # noqa: ANN401 - JSON
    import httpx

    return httpx.get(f"http://127.0.0.1:{port}/{'-'.join(map(str, numbers))}", trust_env=False).json()


def bare_rate(port: int, count: int) -> float:
    """Posts a second of a loop that does nothing else, in a process of its own."""
    command = [sys.executable, __file__, f"http://127.0.0.1:{port}/bare", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


@contextmanager
def receiving() -> Iterator[int]:
    port = closed_port()
    process = subprocess.Popen([sys.executable, __file__, str(port)])
    try:
        until = time.monotonic() + 30
        while not listens(port):
            assert time.monotonic() < until, "the receiver does not come up"
            time.sleep(0.05)
        yield port
    finally:
        process.kill()
        process.wait()


async def post_all(url: str, count: int) -> float:
    """Posts a second of a loop that does nothing else, at its best of two numbers at once."""
    import httpx

    body = json.dumps({"id": "0" * 32, "text": "x" * 1400}).encode()
    headers = {"Content-Type": "application/json", "webhook-id": "0" * 32, "webhook-signature": "v3," + "0" * 64}

    async def work(client: httpx.AsyncClient, todo: Iterator[int]) -> None:
        for _ in todo:
            (await client.post(url, content=body, headers=headers)).raise_for_status()

    best = 0.0
    for at_once in (AT_ONCE, 4 * AT_ONCE):
        todo = iter(range(count // 2))
        async with httpx.AsyncClient(trust_env=False) as client:
            began = time.perf_counter()
            await asyncio.gather(*(work(client, todo) for _ in range(at_once)))
            best = max(best, count // 2 / (time.perf_counter() - began))
    return best


class Line(asyncio.Protocol):
    """Answers every POST, but those to /hang; a GET tells how many came, or when some of them did."""

    arrived: ClassVar[dict[str, list[float]]] = {"/hook": [], "/hang": [], "/bare": []}

    def __init__(self) -> None:
        self.read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.read += data
        head, found, body = self.read.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not found or len(body) < length:
            return
        self.read = b""
        path = head.split(b" ")[1].decode()
        if head.startswith(b"GET"):
            self.tell(path)
            return
        self.arrived[path].append(time.time())
        if path != "/hang":
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def tell(self, path: str) -> None:
        said: dict[str, Any] = {name: len(found) for name, found in self.arrived.items()}
        if path != "/":
            said["at"] = [self.arrived["/hook"][int(number)] for number in path[1:].split("-")]
        body = json.dumps(said).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


async def receive(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Line, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    if len(sys.argv) == 2:  # noqa: PLR2004 - the port alone
        asyncio.run(receive(int(sys.argv[1])))
    else:
        print(asyncio.run(post_all(sys.argv[1], int(sys.argv[2]))))
