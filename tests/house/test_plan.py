import subprocess
import sys
import tomllib
from pathlib import Path

from tests.house import tree

PLAN = tomllib.loads(tree.text("pyproject.toml"))


def test_imports_go_down_the_stairs_only() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo"],
        cwd=tree.ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 0, found.stdout + found.stderr


def test_every_package_is_on_the_plan_and_in_the_wheel() -> None:
    packages = {path.parts[0] for path in tree.modules() if path.name == "__init__.py" and len(path.parts) == 2}

    assert packages == set(tree.PACKAGES)
    assert set(PLAN["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == packages
    assert set(PLAN["tool"]["importlinter"]["root_packages"]) == packages - {"migrations"}


def test_the_plan_of_jobs_is_complete() -> None:
    contracts = [contract for contract in PLAN["tool"]["importlinter"]["contracts"] if "containers" in contract]

    assert [contract["containers"] for contract in contracts] == [["jobs"]]
    assert all(contract["exhaustive"] for contract in contracts)
