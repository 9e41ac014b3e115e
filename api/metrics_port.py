"""The port of its own for what watches over us: `/metrics` and `/v1/scaling` without a key, on loopback by default."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

from api import metrics
from api.tallies import Tallies
from api.v1 import scaling
from jobs import levels, settings
from jobs.errors import Unavailable, WrongSetting
from jobs.settings import PREFIX

_SILENCE_SECONDS: Final = 10.0
_TEXT: Final = "text/plain; charset=utf-8"


@contextmanager
def opened(tallies: Tallies) -> Iterator[None]:
    """Answer on the port meanwhile, from threads of its own; where none is set nothing happens. Raises WrongSetting."""
    if not settings.load().metrics_port:
        yield
        return
    with _listening(tallies) as server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    """Shares its port with the siblings of this door: whichever is asked knows what all of them counted."""

    daemon_threads = True

    def __init__(self, host: str, port: int, tallies: Tallies) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.allow_reuse_port = settings.load().door_processes > 1
        self.tallies = tallies
        super().__init__((host, port), _Answer)

    def __enter__(self) -> Self:
        return self


class _Answer(BaseHTTPRequestHandler):
    timeout = _SILENCE_SECONDS
    server: _Server
    server_version = "Duologue"

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._say(200, *metrics.written(self.server.tallies, self.headers.get("Accept", "")))
            case "/v1/scaling":
                self._tell_autoscaler()
            case _:
                self._say(404, b"There are /metrics and /v1/scaling here.\n", _TEXT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        """Not a word: who reads metrics reads them all day."""

    def _tell_autoscaler(self) -> None:
        try:
            self._say(200, scaling.of(levels.current()).model_dump_json().encode(), "application/json")
        except Unavailable as error:
            self._say(503, f"{error}\n".encode(), _TEXT)

    def _say(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _listening(tallies: Tallies) -> _Server:
    chosen = settings.load()
    try:
        return _Server(chosen.metrics_host, chosen.metrics_port, tallies)
    except OSError as error:
        place = f"{chosen.metrics_host}:{chosen.metrics_port}"
        raise WrongSetting(
            f"{PREFIX}METRICS_PORT: nothing can listen on {place} ({error.strerror}); choose another, or 0 for none."
        ) from None
