"""What `duologue up` leaves for other commands is believed only while it runs."""

from pathlib import Path

import pytest

from cli import note
from cli.note import Note
from jobs.errors import WrongSetting

NOTE = Note("http://127.0.0.1:8000", 42, {"DUOLOGUE_DATABASE_URL": "postgresql://mine"})


def test_a_note_is_read_while_its_writer_lives(tmp_path: Path) -> None:
    with note.kept(tmp_path) as keeping:
        keeping.write(NOTE)
        assert note.read(tmp_path) == NOTE
    assert note.read(tmp_path) is None


def test_a_note_left_by_a_killed_writer_is_void(tmp_path: Path) -> None:
    (tmp_path / "up.json").write_text('{"api_url": "http://127.0.0.1:8000", "pid": 42, "servers": {}}')
    assert note.read(tmp_path) is None


def test_a_second_writer_is_told_of_the_first(tmp_path: Path) -> None:
    with note.kept(tmp_path) as keeping:
        keeping.write(NOTE)
        with (
            pytest.raises(WrongSetting, match=r"already runs in .*: http://127.0.0.1:8000, process 42"),
            note.kept(tmp_path),
        ):
            pass


def test_a_writer_that_has_only_begun_keeps_the_second_out_too(tmp_path: Path) -> None:
    with (
        note.kept(tmp_path),
        pytest.raises(WrongSetting, match="Another `duologue up` is starting"),
        note.kept(tmp_path),
    ):
        pass
