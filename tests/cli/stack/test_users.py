import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli import stack
from cli.stack import folders, postgres, wheels
from tests.cli.stack import clients
from tests.cli.stack.conftest import Up
from tests.cli.stack.neighbours import Host, environment_for_children, is_quiet, pid_of

AS_ROOT = os.geteuid() == 0
SYSTEM_PYTHON = "/usr/bin/python3"
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can become somebody else")


@pytest.fixture
def nobody() -> int:
    """An ordinary user with a Python that can use our packages."""
    if not AS_ROOT:
        pytest.skip("only root can become somebody else; the other tests have run as an ordinary user")
    user = pwd.getpwnam("nobody").pw_uid
    imports = "import sys, boto3, psycopg, cli.stack; print(sys.version_info[:2] >= (3, 11))"
    trial = subprocess.run(
        [SYSTEM_PYTHON, "-c", imports], user=user, env=environment_for_children(), capture_output=True, check=False
    )
    if trial.stdout.strip() != b"True":
        pytest.skip(f"an ordinary user cannot run {SYSTEM_PYTHON} with this environment's packages")
    return user


def test_an_ordinary_user_keeps_everything_in_the_data_folder(
    home: Path, host: Callable[..., Host], nobody: int
) -> None:
    os.chown(home, nobody, nobody)
    home.chmod(0o700)
    data = home / "data"
    one = host(data, *stack.PARTS, user=nobody, python=SYSTEM_PYTHON)
    now = one.wait_until_up()
    with clients.database(now["environment"]) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    owners = {Path(f"/proc/{pid_of(data, part)}").stat().st_uid for part in stack.PARTS}
    assert owners == {nobody}
    assert data.stat().st_mode & 0o777 == 0o700
    assert (data / "database" / "cluster" / "PG_VERSION").exists()
    assert one.end() == 0
    assert is_quiet(data)


@needs_root
def test_root_runs_the_database_as_somebody_who_may_walk_through_the_data_folder_only(up: Up) -> None:
    server = Path(f"/proc/{pid_of(up.data, 'database')}").stat().st_uid
    there = up.data.stat()
    user = folders.database_user()
    assert user is not None
    assert (server, there.st_uid, there.st_gid, there.st_mode & 0o777) == (user.uid, 0, user.gid, 0o710)


@pytest.fixture
def elsewhere() -> Iterator[list[Path]]:
    """Databases that lie outside the test's own folder, removed with it."""
    places: list[Path] = []
    yield places
    for place in places:
        shutil.rmtree(place)


@needs_root
def test_under_a_closed_folder_roots_database_lies_elsewhere_and_a_note_says_where(
    home: Path, elsewhere: list[Path]
) -> None:
    home.chmod(0o700)
    data = home / "data"
    for _ in range(2):
        with stack.running(data, parts=("database",)) as now, clients.database(now.environment) as database:
            database.execute("CREATE TABLE IF NOT EXISTS kept ()")
    place = Path(json.loads((data / "stack.json").read_text())["database"]["folder"])
    elsewhere.append(place)
    assert place.parent == postgres.ELSEWHERE
    assert str(place) in (data / "database-is-elsewhere.txt").read_text()
    assert (place / "BELONGS-TO").read_text() == f"{data}\n"
    assert home.stat().st_mode & 0o777 == 0o700


@needs_root
def test_programs_in_a_closed_folder_are_copied_to_where_the_database_may_run_them(
    home: Path, elsewhere: list[Path]
) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    package = wheels.postgres("").parent
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("include", "doc"))
    install = closed / package.name / "pginstall"
    user = folders.database_user()
    assert user is not None
    there_before = set(postgres.ELSEWHERE.glob("*"))
    programs = postgres._programs(install, user)
    elsewhere += set(postgres.ELSEWHERE.glob("*")) - there_before
    asked = [str(programs / "bin" / "initdb"), "--version"]  # it needs the libraries beside the package
    done = subprocess.run(asked, user=user.uid, group=user.gid, extra_groups=[], capture_output=True, check=True)
    assert done.stdout.startswith(b"initdb (PostgreSQL)")
