"""Serves the front door over HTTP: `python -m api.serving`; several such processes may share one port."""

import argparse
import socket
import sys

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from jobs import settings

CLOSING_SECONDS = 5
"""What open requests are given when the door is told to close."""


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    chosen = settings.with_servers()
    parser = argparse.ArgumentParser(description="Serve the front door.")
    parser.add_argument("--host", default=chosen.host)
    parser.add_argument("--port", type=int, default=chosen.port)
    given = parser.parse_args()
    server = uvicorn.Server(
        uvicorn.Config(
            front_door,
            factory=True,
            host=given.host,
            port=given.port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=CLOSING_SECONDS,
        )
    )
    server.run([_shared(given.host, given.port)] if chosen.door_processes > 1 else None)
    if not server.started:
        sys.exit(1)


def front_door() -> FastAPI:
    """The app, described before anybody calls: while it writes its description it would answer nobody."""
    app = create_app()
    app.openapi()
    return app


def _shared(host: str, port: int) -> socket.socket:
    """A socket that others of this user may listen beside; the kernel deals connections out among them."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio would leave Nagle's delay on: forty milliseconds an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    return listener


if __name__ == "__main__":
    with settings.said_at_the_door():
        main()
