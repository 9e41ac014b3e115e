"""An upgrade step by step: first the schema, under the old code's feet, then the code, one process after the other."""

import dataclasses
import io
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command

from jobs import history, schema
from jobs.accounts import Caller
from tests.cli.stack.neighbours import ROOT
from tests.conftest import administer, forget_settings, of_database, set_settings
from tests.story.house import PATIENCE_SECONDS, House, house
from tests.story.scene import Scene

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds other processes in /proc"),
]


@pytest.fixture
def code_before(tmp_path: Path) -> Path:
    """The code as it was before the newest migration: what an upgrade finds running."""
    newest = git("log", "-1", "--format=%H", "--", "migrations/versions").decode().strip()
    if not newest or not git("rev-list", "-1", f"{newest}^@"):
        pytest.skip("there is no history here; `git fetch --unshallow` brings it")
    with tarfile.open(fileobj=io.BytesIO(git("archive", f"{newest}^"))) as archive:
        archive.extractall(tmp_path / "before", filter="data")
    return tmp_path / "before"


@pytest.fixture
def older_house(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[House]:
    """A house, in which nothing runs, on a database that lacks the newest migration."""
    name = f"test_{uuid.uuid4().hex}"
    administer(servers, f"CREATE DATABASE {name}")
    set_settings(monkeypatch, of_database(servers, name))
    command.upgrade(schema._config(), f"{schema.newest()}-1")
    with house(of_database(servers, name), tmp_path, key="") as built:
        yield built
    forget_settings()
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


def git(*words: str) -> bytes:
    """What git says; nothing where there is no git, or no history."""
    try:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""


def test_the_code_before_works_on_the_new_schema_and_hands_over_to_the_new(
    empty_house: House, code_before: Path, caller: Caller
) -> None:
    before = dataclasses.replace(empty_house, tree=code_before)
    before.hire("worker before")
    before.set_clock()
    before.open_door()
    assert before.wait_final(before.submit(before.pair(0.5)))["status"] == "completed"

    scene = Scene(empty_house, caller)
    job = scene.order()
    scene.rendering("worker before")
    before.kill("worker before")
    empty_house.hire("worker")
    scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "rescued", "claimed", "completed"]
    assert [found.invariant for found in history.check(with_bucket=True) if found.broken] == []


def test_the_new_code_refuses_an_older_schema_with_a_sentence(older_house: House) -> None:
    older_house.hire()
    older_house.set_clock()
    for name, process in older_house.processes.items():
        assert process.wait(PATIENCE_SECONDS) == 1
        assert (
            f"lacks migrations up to {schema.newest()}: run `duologue migrate` first."
            in older_house.log(name).read_text()
        )
