"""Runs the fake: in the foreground as a program, or in a thread for as long as a test needs it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from cli.failure import Failure
from cli.fake_wavespeed.app import create_app
from cli.fake_wavespeed.door import Line
from cli.fake_wavespeed.plan import Plan

_PATIENCE_SECONDS: Final = 30.0
_LONGEST_QUEUE: Final = 2048


def serve(plan: Plan, listener: socket.socket, url: str) -> None:
    """Serve on an open `listener`, which callers reach as `url`, until the process is told to end."""
    _server(plan, url).run([listener])


@contextmanager
def running(plan: Plan | None = None) -> Iterator[str]:
    """Have a fake run in a thread of this process; yields its base URL."""
    with listen("127.0.0.1", 0) as listener:
        server = _server(plan or Plan(), base_url(listener))
        thread = threading.Thread(target=server.run, args=[[listener]], name="fake-wavespeed")
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield base_url(listener)
        finally:
            server.should_exit = True
            thread.join(_PATIENCE_SECONDS)


def listen(host: str, port: int) -> socket.socket:
    """Open the port, any free one for 0. Raises Failure when it is taken."""
    try:
        listener = socket.create_server((host, port), backlog=_LONGEST_QUEUE)
    except OSError as error:
        raise Failure(f"Port {port} of {host} cannot be listened on: {error.strerror}. Choose another.") from None
    # What it accepts inherits this; else an answer in two parts waits forty milliseconds for its second.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _server(plan: Plan, url: str) -> uvicorn.Server:
    config = uvicorn.Config(
        create_app(plan, url),
        http=Line,
        lifespan="on",
        log_level="error",
        access_log=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return uvicorn.Server(config)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > give_up_at:
            raise Failure("The fake did not start; its log says why.")
        time.sleep(0.005)
