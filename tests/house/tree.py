"""What the house is made of: the files git knows or would take, and what can be read off them without running them."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "cli", "jobs", "migrations", "workers")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is, or on `git add` would be, part of the repository; relative to ROOT."""
    return tuple(sorted(path for path in _git("--cached", "--others", "--exclude-standard") if (ROOT / path).is_file()))


@cache
def committed() -> tuple[Path, ...]:
    """Every file that the next commit would hold; what lies about besides, a demo's video say, is nobody's."""
    return tuple(sorted(path for path in _git("--cached") if (ROOT / path).is_file()))


@cache
def tracked_but_ignored() -> tuple[Path, ...]:
    return tuple(_git("--cached", "--ignored", "--exclude-standard"))


@cache
def modules() -> tuple[Path, ...]:
    """Every Python file, the finished migrations aside: those are records, not pages."""
    return tuple(path for path in files() if path.suffix == ".py" and path.parent != Path("migrations/versions"))


def product_modules() -> tuple[Path, ...]:
    return tuple(path for path in modules() if path.parts[0] in PACKAGES)


@cache
def text(path: Path | str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(text(path), filename=str(path))


def line_count(path: Path) -> int:
    return len(text(path).splitlines())


def documents() -> tuple[Path, ...]:
    return tuple(path for path in files() if path.suffix == ".md")


def _git(*which: str) -> list[Path]:
    # The checkout may belong to another user than the one who runs the tests.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", *which]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name]
