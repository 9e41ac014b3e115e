"""How long the embedded stack takes to start and stop, and the memory it holds at rest.

`python benchmarks/stack.py`; the memory is read from /proc, which Linux has.
"""

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cli import stack  # noqa: E402 - the checkout is on the path from here on

WARM_ROUNDS = 5


def main() -> None:
    table = Table("start", "until ready, s", "until stopped, s", "memory at rest, MB", title="Embedded stack")
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        for kind in ("cold", *["warm"] * WARM_ROUNDS):
            table.add_row(kind, *(f"{figure:.2f}" for figure in _measure(Path(folder) / "data")))
    Console().print(table)


def _measure(data: Path) -> tuple[float, float, float]:
    began = time.monotonic()
    with stack.running(data):
        ready = time.monotonic()
        memory = _resident_megabytes(data)
        leaving = time.monotonic()
    return ready - began, time.monotonic() - leaving, memory


def _resident_megabytes(data: Path) -> float:
    """Proportional set size of keepers, servers and their children: shared pages are counted once."""
    return sum(_share_kilobytes(process) for process in Path("/proc").glob("[0-9]*") if _belongs(process, data)) / 1024


def _belongs(process: Path, data: Path) -> bool:
    try:
        named = str(data).encode() in (process / "cmdline").read_bytes()
        return named or (process / "cwd").readlink().is_relative_to(data)
    except OSError:
        return False


def _share_kilobytes(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
