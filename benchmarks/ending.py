"""Ends jobs at the stand-in for WaveSpeed at a steady pace, and remembers when it was asked to end each."""

import http.client
import json
import time
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

_TICK_SECONDS: Final = 0.05
"""What is due about the same time ends with one request, so that the asking costs the machine next to nothing."""


def end_all(fake: str, names: Sequence[str], per_second: float) -> dict[str, float]:
    """End all of these; for each the moment, in seconds of the wall clock, before its end was asked for."""
    began_at, asked_at = time.monotonic(), dict[str, float]()
    line = http.client.HTTPConnection(urlsplit(fake).netloc, timeout=60)
    while len(asked_at) < len(names):
        time.sleep(_TICK_SECONDS)
        due = names[len(asked_at) : int((time.monotonic() - began_at) * per_second)]
        asked_at |= dict.fromkeys(due, time.time())
        if due:
            line.request("POST", "/fake/jobs/finish", json.dumps({"ids": due}), {"Content-Type": "application/json"})
            answer = line.getresponse()
            answer.read()
            assert answer.status == http.client.OK, answer.status
    line.close()
    return asked_at


def rate(moments: Iterable[float]) -> float:
    """How many there were a second between the first and the last."""
    sorted_moments = sorted(moments)
    return (len(sorted_moments) - 1) / max(sorted_moments[-1] - sorted_moments[0], 0.001)
