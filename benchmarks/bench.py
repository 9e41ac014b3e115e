"""Runs the benchmarks that have a goal, in under ten minutes, and prints one table: `make bench`.

Each figure stands beside the reference that was measured in the same run. What each benchmark says besides goes to
`bench.log` in this folder. It ends with 3 if a goal is missed.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import figures  # noqa: E402 - found once the root is on the path

RUNS: Final = (
    ("front_door.py", "--rounds", "3", "--seconds", "2"),
    ("batches.py", "--rounds", "1"),
    ("lifecycle.py", "--rounds", "2", "--jobs", "3000", "--idle", "150"),
    ("claiming.py", "--rounds", "2"),
    ("webhooks.py", "--rounds", "2", "--each", "2000", "--backlog", "4000", "--seconds", "10"),
)
_PATIENCE_SECONDS: Final = 300
_VERDICTS: Final = {True: "[green]reached[/]", False: "[red]missed[/]", None: ""}


def main() -> int:
    log = ROOT / "bench.log"
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder, log.open("w") as said:
        place = Path(folder) / "figures"
        are_whole = [run(name, options, place, said.fileno()) for name, *options in RUNS]
        found = figures.stated(place)
    Console().print(table(found))
    return figures.verdict(is_missed=not all(are_whole) or any(one.is_reached is False for one in found))


def run(name: str, options: list[str], place: Path, log: int) -> bool:
    """One benchmark in a process of its own; one that does not come to its end leaves no figures, and is a miss."""
    began = time.monotonic()
    print(f"{name} ...", end=" ", flush=True)
    try:
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / name), *options],
            env=os.environ | {figures.PLACE: str(place)},
            stdout=log,
            stderr=log,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
        is_broken = done.returncode not in {0, figures.MISSED}
    except subprocess.TimeoutExpired:
        is_broken = True
    print(f"{time.monotonic() - began:.0f} s")
    if is_broken:
        print(f"{name} came to no end; bench.log says why", file=sys.stderr)
    return not is_broken


def table(found: list[figures.Figure]) -> Table:
    shown = Table("what", "measured", "reference", "compared", "goal", "")
    for one in found:
        shown.add_row(one.what, one.measured, one.reference, one.compared, one.goal, _VERDICTS[one.is_reached])
    return shown


if __name__ == "__main__":
    sys.exit(main())
