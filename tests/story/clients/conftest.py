"""One whole house for each page of clients: every test has an account of its own in it.

It must end with its page: its worker hears the rings of every test of the session, whosever they are.
"""

import dataclasses
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jobs import storage
from tests.conftest import Member, copied, forget_settings, make_member, set_settings
from tests.factories_media import people_png, voice_wav
from tests.story import house as houses
from tests.story.house import PATIENT, House


@pytest.fixture(scope="module")
def environment(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    """As everywhere, but for all tests of a page."""
    with copied(servers) as settings:
        yield settings


@pytest.fixture(scope="module")
def running_house(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Front door, one worker with one slot, and the timetable."""
    make_bucket(environment)
    with houses.house(environment, tmp_path_factory.mktemp("house"), key="", **PATIENT) as built:
        built.hire()
        built.set_clock()
        built.open_door()
        yield built


@pytest.fixture
def member(database: dict[str, str]) -> Member:
    """Somebody new in every test."""
    return make_member(f"account-{uuid.uuid4().hex}")


@pytest.fixture
def house(running_house: House, member: Member) -> House:
    """The house as `member` calls it."""
    return dataclasses.replace(running_house, key=member.key)


@pytest.fixture
def impatient_house(house: House, database: Mapping[str, str], tmp_path: Path) -> Iterator[House]:
    """A second front door of the same house, at which a wait in sync mode is over at once."""
    with houses.house(database, tmp_path, house.key, DUOLOGUE_SYNC_SECONDS="0.01") as built:
        built.open_door()
        yield built


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths of small media, and of one file that is none."""
    folder = tmp_path_factory.mktemp("media")
    made = {
        "two.png": people_png(640, 360),
        "left.wav": voice_wav(0.6, 120),
        "right.wav": voice_wav(0.4, 210),
        "page.wav": b"<html>not a voice</html>",
    }
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in made}


def make_bucket(environment: Mapping[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        set_settings(patch, dict(environment))
        storage.make_bucket()
    forget_settings()
