"""Keeps many connections to one server busy and times every answer; run in a process of its own.

`python benchmarks/load.py PORT FILE SECONDS [RATE]`; each line of FILE is a request, its line ends written as bars.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

CONNECTIONS: Final = 64
NUMBER: Final = "@@"
NUMBER_LETTERS: Final = 16
"""`NUMBER` in a request becomes a number of so many letters that no other request has."""


def main() -> None:
    port, file, seconds, rate = sys.argv[1:]
    requests = [line.replace("|", "\r\n") for line in Path(file).read_text().splitlines()]
    print(json.dumps(asyncio.run(load(int(port), requests, float(seconds), float(rate)))))


def told_apart(requests: list[str]) -> Iterator[bytes]:
    """The requests in turn for ever, each with a number that none had before."""
    for number, text in enumerate(itertools.cycle(requests), random.SystemRandom().randrange(10**15)):
        yield text.replace(NUMBER, f"{number:0{NUMBER_LETTERS}}").encode()


async def load(port: int, requests: list[str], seconds: float, rate: float) -> dict[str, float]:
    """Send `requests` in turn on all connections: each as soon as its last is answered, or `rate` of them a second.

    With a rate, a wait is counted from when the request was due: one that could not be sent in time is late too.
    """
    loop, todo = asyncio.get_running_loop(), told_apart(requests)
    pause, until = CONNECTIONS / rate if rate else 0.0, time.perf_counter() + seconds
    pollers = []
    for number in range(CONNECTIONS):
        first_at = time.perf_counter() + pause * number / CONNECTIONS
        made = partial(Poller, todo, pause, first_at, until)
        _, poller = await loop.create_connection(made, "127.0.0.1", port)
        pollers.append(poller)
    await asyncio.gather(*(poller.is_over for poller in pollers))
    waits = sorted(wait for poller in pollers for wait in poller.waits)
    p50, p99 = (1000 * waits[int(len(waits) * part)] for part in (0.50, 0.99))
    return {"per_second": len(waits) / seconds, "p50_ms": p50, "p99_ms": p99}


class Poller(asyncio.Protocol):
    """One connection that asks again and again, and reads no more of an answer than it must."""

    def __init__(self, todo: Iterator[bytes], pause: float, due_at: float, until: float) -> None:
        self.waits: list[float] = []
        self._todo, self._pause, self._due_at, self._until = todo, pause, due_at, until
        self._loop = asyncio.get_running_loop()
        self.is_over: asyncio.Future[None] = self._loop.create_future()
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop.call_later(max(0.0, self._due_at - time.perf_counter()), self._ask)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return
        assert head.startswith(b"HTTP/1.1 200 "), self._read
        now, self._read = time.perf_counter(), b""
        self.waits.append(now - self._due_at)
        self._due_at = self._due_at + self._pause if self._pause else now
        if self._due_at >= self._until:
            self._transport.close()
        elif self._due_at > now:
            self._loop.call_later(self._due_at - now, self._ask)
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self._due_at < self._until:
            self.is_over.set_exception(error or ConnectionError("the server hung up"))
        else:
            self.is_over.set_result(None)

    def _ask(self) -> None:
        self._transport.write(next(self._todo))


if __name__ == "__main__":
    main()
