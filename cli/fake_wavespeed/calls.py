"""Counts the calls the fake was asked and how it answered, so that a test can see what its caller did."""

from collections import Counter


class Calls:
    """Calls by what they were and what they were answered."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, call: str, outcome: str) -> None:
        self._counts[call, outcome] += 1

    def told(self) -> dict[str, dict[str, int]]:
        """`{call: {outcome: count}}`."""
        found: dict[str, dict[str, int]] = {}
        for (call, outcome), count in sorted(self._counts.items()):
            found.setdefault(call, {})[outcome] = count
        return found
