"""Stands between us and the bucket and passes everything on, until told to refuse, to dawdle or to hang up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

Mood = Literal["well", "failing", "slow", "cutting"]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect"}
_PIECE_BYTES = 2**14


class BucketProxy:
    """A bucket at a port of its own of 127.0.0.1; the host that requests are signed for is passed on unchanged."""

    def __init__(self, behind: str) -> None:
        address = urlsplit(behind)
        self.behind = (str(address.hostname), int(address.port or 80))
        self.mood: Mood = "well"
        self.status = 503
        self.pause_seconds = 0.0
        self.unknown: str | None = None
        self.refused = 0
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def failing(self, status: int = 503) -> Iterator[None]:
        """Answer every request with `status`."""
        self.status = status
        with self._in("failing"):
            yield

    @contextmanager
    def not_knowing(self, call: str) -> Iterator[None]:
        """Answer requests with this in their address as a bucket does that never heard of the call."""
        self.status, self.unknown = 501, call
        try:
            yield
        finally:
            self.unknown = None

    @contextmanager
    def slow(self, pause_seconds: float) -> Iterator[None]:
        """Wait so long before every request."""
        self.pause_seconds = pause_seconds
        with self._in("slow"):
            yield

    @contextmanager
    def cutting(self) -> Iterator[None]:
        """Pass on half of what is sent, then hang up on both sides; half of what comes back of a GET."""
        with self._in("cutting"):
            yield

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more request is on its way."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    @contextmanager
    def _in(self, mood: Mood) -> Iterator[None]:
        self.mood = mood
        try:
            yield
        finally:
            self.mood = "well"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: BucketProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Line)
        self.proxy = proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever called has hung up, which is what these tests are about."""


class _Line(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        proxy = self.server.proxy
        with proxy.counted():
            self._serve(proxy)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""

    def _serve(self, proxy: BucketProxy) -> None:
        if proxy.mood == "slow":
            threading.Event().wait(proxy.pause_seconds)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if proxy.mood == "failing" or (proxy.unknown is not None and proxy.unknown in self.path):
            self._refuse(proxy)
        else:
            self._pass_on(proxy, body)

    def _refuse(self, proxy: BucketProxy) -> None:
        proxy.refused += 1
        self.send_response_only(proxy.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _pass_on(self, proxy: BucketProxy, body: bytes) -> None:
        is_cut = proxy.mood == "cutting"
        proxy.refused += is_cut
        line = HTTPConnection(*proxy.behind, timeout=30)
        try:
            line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    line.putheader(name, value)
            line.endheaders()
            line.send(body[: len(body) // 2] if is_cut else body)
            if is_cut and body:
                self.close_connection = True
                return
            self._answer(line, is_cut=is_cut)
        except (HTTPException, OSError):
            self.close_connection = True  # as a proxy does whose other side is gone
        finally:
            line.close()

    def _answer(self, line: HTTPConnection, *, is_cut: bool) -> None:
        answer = line.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if is_cut else content)
        self.close_connection = self.close_connection or is_cut
