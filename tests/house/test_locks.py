import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import tree

PROJECT: dict[str, Any] = tomllib.loads(tree.text("pyproject.toml"))
ENTRY = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)
FOREIGN = re.compile(r"://|file:|--(extra-)?index-url|--find-links|--trusted-host|^-[ire] ", re.MULTILINE)


def locks() -> list[Path]:
    return [path for path in tree.files() if path.parts[0] == "requirements" and path.suffix == ".txt"]


@cache
def pins(lock: str) -> dict[str, set[str]]:
    """The versions of every package in a lock: one, or one for each kind of machine."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in ENTRY.finditer(tree.text(f"requirements/{lock}.txt")):
        found[entry["name"]].add(entry["version"])
    return dict(found)


def promised(lock: str) -> list[str]:
    """The requirement lines of pyproject.toml that a lock must satisfy."""
    groups, extras = PROJECT["dependency-groups"], PROJECT["project"]["optional-dependencies"]
    runtime = PROJECT["project"]["dependencies"]
    embedded = [*runtime, *extras["embedded"], *groups["build"]]
    lines: dict[str, list[str]] = {
        "build": groups["build"],
        "runtime": runtime,
        "embedded": embedded,
        "dev": [*embedded, *groups["dev"]],
        "gpu": groups["gpu"],
    }
    return lines[lock]


def test_locks_name_no_host_and_no_folder() -> None:
    assert [str(path) for path in locks() if FOREIGN.search(tree.text(path))] == []


def test_every_package_is_pinned_with_its_hashes() -> None:
    for path in locks():
        entries = list(ENTRY.finditer(tree.text(path)))
        assert entries, path
        assert [entry["name"] for entry in entries if "--hash=sha256:" not in entry["rest"]] == [], path
        listed = [line for line in tree.text(path).splitlines() if line and not line.startswith((" ", "#"))]
        assert len(listed) == len(entries), path


@pytest.mark.parametrize("lock", ["build", "runtime", "embedded", "dev", "gpu"])
def test_a_lock_holds_what_the_project_asks_for(lock: str) -> None:
    found = pins(lock)
    wanted = [Requirement(line) for line in promised(lock)]

    missing = [str(one) for one in wanted if not is_met(one, found.get(canonicalize_name(one.name), set()))]

    assert missing == [], "`make locks` writes them anew"


def test_all_locks_agree_on_every_version() -> None:
    runtime, dev = pins("runtime"), pins("dev")

    for lock in ("build", "runtime", "embedded"):
        assert {name: versions for name, versions in pins(lock).items() if dev.get(name) != versions} == {}, lock
    assert runtime.keys() <= pins("embedded").keys()


def is_met(wanted: Requirement, versions: set[str]) -> bool:
    return bool(versions) and all(wanted.specifier.contains(version, prereleases=True) for version in versions)


def test_the_generated_lock_of_uv_stays_out() -> None:
    assert Path("uv.lock") not in tree.files()
