"""Where benchmarks leave the figures that have a goal, so that one table can be made of them all."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

PLACE: Final = "BENCH_FIGURES"
"""Names the file, a line of JSON a figure; without it nothing is left anywhere."""


MISSED: Final = 3
"""What a benchmark ends with if a goal is missed; Python itself ends with 1 where one broke down."""


@dataclass(frozen=True)
class Figure:
    """One figure as it was measured, with its reference of the same run and what was to be reached, if anything was."""

    what: str
    measured: str
    reference: str
    compared: str
    goal: str
    is_reached: bool | None


def state(
    what: str, measured: str, *, reference: str = "", compared: str = "", goal: str, is_reached: bool | None
) -> bool:
    """Leave a figure for the table; whether its goal is missed. Without a goal it is neither reached nor missed."""
    if place := os.environ.get(PLACE):
        with Path(place).open("a") as file:
            file.write(json.dumps(asdict(Figure(what, measured, reference, compared, goal, is_reached))) + "\n")
    return is_reached is False


def verdict(*, is_missed: bool) -> int:
    """What the benchmark's process ends with."""
    return MISSED if is_missed else 0


def stated(place: Path) -> list[Figure]:
    """All that were left there, in order."""
    return [Figure(**json.loads(line)) for line in place.read_text().splitlines()] if place.exists() else []
