"""A loopback web server for media that behaves as badly as it is told to: redirects, drips, lies, cuts, never ends."""

import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

Answer = Callable[[socket.socket], None]

_PIECE = b"\xff\xfb\x90\x00" * 4096


class MediaServer:
    """Serves the answers it was given, by path, on a port of its own of 127.0.0.1; `seen` lists the heads it got."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._listener = socket.create_server((host, 0))
        self._answers: dict[str, Answer] = {}
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.seen: list[str] = []

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
        socket.create_connection((self.host, self.port)).close()
        for thread in self._threads:
            thread.join(timeout=10)
        self._listener.close()

    def url(self, path: str) -> str:
        return f"http://{self.host}:{self.port}{path}"

    def serve(
        self, path: str, body: bytes, *, status: str = "200 OK", kind: str = "application/octet-stream", more: str = ""
    ) -> str:
        """Answer `path` the way an honest server does; the URL."""
        head = _head(status, f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}")
        return self.answer(path, lambda line: line.sendall(head + body))

    def redirect(self, path: str, to: str, *, status: str = "302 Found") -> str:
        return self.serve(path, b"", status=status, more=f"Location: {to}\r\n")

    def claim(self, path: str, length: int, body: bytes) -> str:
        """Announce `length` bytes, send `body`, hang up."""
        head = _head("200 OK", f"Content-Length: {length}\r\n")
        return self.answer(path, lambda line: line.sendall(head + body))

    def endless(self, path: str, piece: bytes = _PIECE, *, more: str = "") -> str:
        """Send `piece` without end, as fast as it is read, without saying how much."""

        def send(line: socket.socket) -> None:
            line.sendall(_head("200 OK", f"Connection: close\r\n{more}"))
            while not self._stopped.is_set():
                line.sendall(piece)

        return self.answer(path, send)

    def drip(self, path: str, *, pause_seconds: float, head_too: bool = False) -> str:
        """Send one byte after each pause, for ever; with `head_too` from the first letter of the head."""

        def send(line: socket.socket) -> None:
            head = _head("200 OK", "Connection: close\r\n")
            if not head_too:
                line.sendall(head)
            for byte in self._for_ever(head[:-2] + b"X-Filler: " if head_too else b""):
                line.sendall(byte)
                self._stopped.wait(pause_seconds)

        return self.answer(path, send)

    def silent(self, path: str) -> str:
        """Take the request and say nothing."""
        return self.answer(path, lambda _: self._wait())

    def cut(self, path: str) -> str:
        """Hang up with a reset in the middle of the body."""

        def send(line: socket.socket) -> None:
            line.sendall(_head("200 OK", "Content-Length: 100000\r\n") + _PIECE)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

        return self.answer(path, send)

    def answer(self, path: str, answer: Answer) -> str:
        """Answer `path` by whatever `answer` sends down the line; the URL."""
        self._answers[path] = answer
        return self.url(path)

    def _accept(self) -> None:
        while True:
            line, _ = self._listener.accept()
            if self._stopped.is_set():
                line.close()
                return
            self._run(partial(self._serve, line))

    def _serve(self, line: socket.socket) -> None:
        with line:
            line.settimeout(10)
            try:
                head = line.recv(65536).decode("latin-1")
                self.seen.append(head)
                path = head.split(" ")[1] if head.count(" ") > 1 else ""
                self._answers.get(path, _not_found)(line)
            except OSError:
                return  # whoever called has hung up, which is what these tests are about

    def _for_ever(self, first: bytes) -> Iterator[bytes]:
        for byte in first:
            yield bytes([byte])
        while not self._stopped.is_set():
            yield b"x"

    def _wait(self) -> None:
        self._stopped.wait()

    def _run(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()


def _head(status: str, lines: str) -> bytes:
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


def _not_found(line: socket.socket) -> None:
    line.sendall(_head("404 Not Found", "Content-Length: 0\r\n"))
