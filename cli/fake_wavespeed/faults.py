"""The fault switches: what each does, and whether it strikes now, which the seed alone decides."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Final

SWITCHES: Final = {
    "submit_busy": "429 with Retry-After, nothing taken",
    "submit_fails": "500, 502 or 503, nothing taken",
    "submit_dropped": "the connection is dropped, nothing taken",
    "submit_fails_late": "taken, then 500, 502 or 503",
    "reply_dropped": "taken, then the connection is dropped",
    "reply_hangs": "taken, then silence until the caller hangs up",
    "reply_garbled": "taken, then an answer that is not what was promised",
    "read_busy": "429 on any other call",
    "read_fails": "500, 502 or 503 on any other call",
    "read_dropped": "the connection is dropped on any other call",
    "read_garbled": "an answer that is not what was promised on any other call",
    "webhook_lost": "never sent",
    "webhook_doubled": "sent twice",
    "webhook_late": "sent some seconds late",
    "webhook_forged": "before it, one with a wrong signature that says the opposite",
    "never_ends": "stays in processing",
    "ends_badly": "failed, with every task code in turn",
    "ends_oddly": "completed, cancelled, timeout or deleted without an output, in turn",
    "refund_late": "what a failed one cost comes back some seconds late",
    "refund_lost": "what a failed one cost does not come back",
    "output_missing": "404 for ever",
    "output_late": "404 for some seconds",
    "output_cut": "the first read breaks off in the middle",
    "output_truncated": "every read breaks off at the same place",
    "output_slow": "trickles",
    "output_whole": "Range is ignored",
    "list_lags": "comes into the list some seconds late",
    "cancel_ignored": "DELETE of a running one is answered, and it runs on",
}
"""Every switch and what happens where it strikes."""

FAILURES: Final = {
    1200: "the content was flagged by moderation",
    1400: "a required parameter is missing",
    1401: "a parameter is invalid",
    1402: "an input could not be reached",
    1403: "execution failed",
    1405: "the task failed",
    5000: "internal error",
    5003: "the service is unavailable",
}
"""The task codes a failed prediction can have, with what it says."""

ODD_ENDINGS: Final = ("cancelled", "timeout", "deleted", "completed")
STATUSES: Final = (500, 502, 503)

Rates = Mapping[str, float]


class Faults:
    """Draws each switch's lots from a row of its own: one switch more or less does not change how another falls."""

    def __init__(self, seed: int, rates: Rates) -> None:
        self.rates = dict(rates)
        self.struck: Counter[str] = Counter()
        self._seed = seed
        self._drawn: Counter[str] = Counter()

    def strikes(self, name: str) -> bool:
        """Draw the next lot of switch `name`."""
        rate = self.rates.get(name, 0.0)
        if rate <= 0:
            return False
        self._drawn[name] += 1
        is_struck = _lot(f"{self._seed}/{name}/{self._drawn[name]}") < rate
        self.struck[name] += is_struck
        return is_struck

    def first_of(self, *names: str) -> str:
        """Draw for each name; the first that strikes, or nothing."""
        return next(iter(self.all_of(*names)), "")

    def all_of(self, *names: str) -> dict[str, int]:
        """Draw for each name; those that strike, each with how often it has struck before."""
        return {name: self.struck[name] - 1 for name in names if self.strikes(name)}

    def turn(self, name: str) -> int:
        """How often `name` had struck before it did the last time."""
        return self.struck[name] - 1


def _lot(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest()) / 2**56
