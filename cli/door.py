"""Finds the API and a key for it: what the environment says, else what runs in the data folder."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from cli import note
from cli.client import LOOPBACK, Api
from cli.failure import Failure
from cli.screen import say
from cli.stack.book import write_secret

DEFAULT_URL = "http://127.0.0.1:8000"


def find(data: Path) -> Api:
    """The API with a key. Raises Failure when no key can be had."""
    if key := os.environ.get("DUOLOGUE_API_KEY"):
        return Api(address(data), key, "DUOLOGUE_API_KEY")
    return Api(address(data), _desk_key(data), f"{_key_path(data)}: remove that file to have a new one made")


def address(data: Path) -> str:
    """Where the API should be, whether or not anybody answers there."""
    return given() or here(data) or DEFAULT_URL


def here(data: Path) -> str | None:
    """Where the `duologue up` of this data folder answers; None when there is none."""
    running = note.read(data)
    return running.api_url if running else None


def given() -> str | None:
    """The address in the environment. Raises Failure when it cannot be one; it may hold a password, so is not said."""
    if not (url := os.environ.get("DUOLOGUE_API_URL")):
        return None
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        is_address = False
    if not is_address:
        raise Failure(f"DUOLOGUE_API_URL is no address of an API: write one such as {DEFAULT_URL}, or unset it.")
    return url


def elsewhere() -> str | None:
    """The host of the address in the environment; None where that is this machine, by any name. Raises Failure."""
    host = urlsplit(given() or "").hostname
    return None if host is None or _is_ours(host) else host


def _is_ours(host: str) -> bool:
    if host in LOOPBACK:
        return True
    try:
        [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as one:
            one.bind(place)  # nobody can bind an address of another machine
    except (OSError, UnicodeError):  # that, or no name of anybody
        return False
    return True


def _desk_key(data: Path) -> str:
    """The desk's own key, kept beside the servers it opens and told to nobody else; made when it is first needed."""
    if given_url := os.environ.get("DUOLOGUE_API_URL"):
        raise Failure(f"Set DUOLOGUE_API_KEY to a key for {given_url}.")
    if here(data) is None:
        raise Failure(
            f"Nothing runs in {data}. Start it with `duologue up`, or set DUOLOGUE_API_URL and DUOLOGUE_API_KEY."
        )
    path = _key_path(data)
    if not path.exists():
        _make(path, data)
    return path.read_text(encoding="utf-8").strip()


def _make(path: Path, data: Path) -> None:
    from cli import keyring, reach  # late: they bring SQLAlchemy, and a desk makes its key only once

    with reach.current_database(data):
        _, key = keyring.create("desk")
    write_secret(path, key + "\n")
    say(f"Made a key for this desk, kept in {path}.")


def _key_path(data: Path) -> Path:
    return data / "desk.key"
