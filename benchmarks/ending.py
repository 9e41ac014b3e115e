"""Ends jobs at the stand-in for WaveSpeed at a steady pace, and remembers when it was asked to end each."""

import http.client
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

_HANDS: Final = 4


def end_all(fake: str, names: Sequence[str], per_second: float) -> dict[str, float]:
    """End all of these; for each the moment, in seconds of the wall clock, before its end was asked for."""
    began_at = time.monotonic()
    asked_at: dict[str, float] = {}

    def end_some(first: int) -> None:
        line = http.client.HTTPConnection(urlsplit(fake).netloc, timeout=60)
        for number in range(first, len(names), _HANDS):
            time.sleep(max(began_at + number / per_second - time.monotonic(), 0.0))
            asked_at[names[number]] = time.time()
            line.request("POST", f"/fake/jobs/{names[number]}/finish", "{}", {"Content-Type": "application/json"})
            answer = line.getresponse()
            answer.read()
            assert answer.status == http.client.OK, answer.status
        line.close()

    hands = [threading.Thread(target=end_some, args=[first]) for first in range(_HANDS)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return asked_at


def rate(moments: Iterable[float]) -> float:
    """How many there were a second between the first and the last."""
    sorted_moments = sorted(moments)
    return (len(sorted_moments) - 1) / max(sorted_moments[-1] - sorted_moments[0], 0.001)
