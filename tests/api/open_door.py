"""The front door behind a real server on loopback, for what cannot be seen through a client in the same loop."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

PATIENCE_SECONDS = 20.0


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The base URL of `app` while it is served by a thread of this process."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=5))
    # Named as TCP, or the event loop leaves Nagle's delay on and every answer takes 40 ms.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_for(lambda: server.started, "the server is up")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()


def wait_for(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Look again until it is so; fail with `what` was waited for."""
    until, pause = time.monotonic() + seconds, threading.Event()
    while not is_so():
        assert time.monotonic() < until, f"still waiting until {what}"
        pause.wait(0.01)
