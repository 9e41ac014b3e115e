"""What the checker has to say of one promise: kept, broken by these, or never put to the test."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

SHOWN_MAX = 20

Verdict = Literal["holds", "broken", "no subject"]


@dataclass(frozen=True)
class Finding:
    """One promise; `subjects` counts what it was put to the test on, `broken` names the first that break it."""

    invariant: str
    promise: str
    verdict: Verdict
    subjects: int
    broken: tuple[str, ...] = ()
    note: str = ""


def judged(invariant: str, promise: str, subjects: int, broken: Collection[str], note: str = "") -> Finding:
    """A promise nobody relied on yet has not been kept, it has no subject."""
    verdict: Verdict = "broken" if broken else "holds" if subjects else "no subject"
    return Finding(invariant, promise, verdict, subjects, tuple(sorted(broken)[:SHOWN_MAX]), note)
