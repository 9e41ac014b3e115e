"""Reads server-sent events the way a browser does."""

import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

_TLS = ssl.create_default_context()  # unused on loopback, but slow to make once a client


@dataclass(frozen=True)
class Heard:
    """One event of a stream; `id` is None where it had none."""

    id: int | None
    kind: str
    told: dict[str, Any]


@contextmanager
def following(place: str, headers: Mapping[str, str], last_id: int | None = None) -> Iterator[Iterator[Heard]]:
    """The events of a stream as they come; leaving closes the connection."""
    sent = {**headers} | ({} if last_id is None else {"Last-Event-ID": str(last_id)})
    with httpx.stream("GET", place, headers=sent, timeout=20, verify=_TLS) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield heard(answer.iter_lines())


def heard(lines: Iterable[str]) -> Iterator[Heard]:
    """What a stream's lines say; comments and the time to come back say nothing."""
    fields: dict[str, str] = {}
    for line in lines:
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and "data" in fields:
            yield Heard(int(fields["id"]) if "id" in fields else None, fields["event"], json.loads(fields["data"]))
            fields = {}
