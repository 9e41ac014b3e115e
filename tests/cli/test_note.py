"""What `duologue up` leaves for other commands is believed only while it runs."""

from pathlib import Path

import pytest

from cli import environment, note, reach
from cli.note import Note
from jobs import settings
from jobs.errors import WrongSetting
from tests.conftest import set_settings

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


@pytest.mark.parametrize("kept_in", ["_FILE", ""])
def test_a_secret_that_changed_in_its_file_is_read_there_again(
    kept_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DUOLOGUE_DATABASE_URL", "DUOLOGUE_DATABASE_URL_FILE"):
        monkeypatch.setenv(name, "")  # so that it is put back
    file = tmp_path / "database_url"
    file.write_text("postgresql://me:old@127.0.0.1/mine")
    set_settings(monkeypatch, {"DUOLOGUE_DATABASE_URL_FILE": str(file)})
    with note.kept(tmp_path) as keeping:
        keeping.write(Note("http://127.0.0.1:8000", 42, environment.of_servers()))
        file.write_text("postgresql://me:new@127.0.0.1/mine")
        own = {"_FILE": str(file), "": "postgresql://me:old@127.0.0.1/mine"}[kept_in]
        set_settings(monkeypatch, {"DUOLOGUE_DATABASE_URL_FILE": "", "DUOLOGUE_DATABASE_URL" + kept_in: own})
        reach.use_the_servers_of_up(tmp_path)
        assert ":new@" in settings.load().database_url.get_secret_value()


def test_servers_that_up_was_given_go_before_a_file_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").write_text("postgresql://me@127.0.0.1/other")
    monkeypatch.setenv("DUOLOGUE_DATABASE_URL", "")
    set_settings(monkeypatch, {"DUOLOGUE_DATABASE_URL_FILE": str(tmp_path / "other")})
    with note.kept(tmp_path) as keeping:
        keeping.write(Note("http://127.0.0.1:8000", 42, {"DUOLOGUE_DATABASE_URL": "postgresql://me@127.0.0.1/mine"}))
        reach.use_the_servers_of_up(tmp_path)
        assert settings.load().database_url.get_secret_value().endswith("/mine")
