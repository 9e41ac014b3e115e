"""Where benchmarks leave the figures that have a goal, so that one table can be made of them all."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

PLACE: Final = "DUOLOGUE_BENCH_FIGURES"
"""Names the file, a line of JSON a figure; without it nothing is left anywhere."""


@dataclass(frozen=True)
class Figure:
    """One figure as it was measured, with its reference of the same run and what was to be reached."""

    what: str
    measured: str
    reference: str
    compared: str
    goal: str
    is_reached: bool


def state(what: str, measured: str, *, reference: str = "", compared: str = "", goal: str, is_reached: bool) -> bool:
    """Leave a figure for the table; whether its goal is missed."""
    if place := os.environ.get(PLACE):
        with Path(place).open("a") as file:
            file.write(json.dumps(asdict(Figure(what, measured, reference, compared, goal, is_reached))) + "\n")
    return not is_reached


def stated(place: Path) -> list[Figure]:
    """All that were left there, in order."""
    return [Figure(**json.loads(line)) for line in place.read_text().splitlines()] if place.exists() else []
