"""Houses for the stories: empty, or with everything running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Member
from tests.story.house import PATIENT, House, house


@pytest.fixture
def empty_house(database: dict[str, str], bucket: str, member: Member, tmp_path: Path) -> Iterator[House]:
    """A house in which nothing runs yet."""
    with house(database, tmp_path, member.key, **PATIENT) as built:
        yield built


@pytest.fixture
def whole_house(empty_house: House) -> House:
    """Front door, one worker with one slot, and the timetable."""
    empty_house.hire()
    empty_house.set_clock()
    empty_house.open_door()
    return empty_house
