"""The log of `duologue up`: what every program said is kept where it can be found later."""

import stat
from pathlib import Path

import pytest

from cli import log
from cli.log import Log


def test_all_that_is_said_is_kept_from_the_first_line_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, file = Log(), tmp_path / "up.log"
    kept.say("early")
    kept.keep_in(file)
    kept.write("worker", "late [bold]")
    lines = file.read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == ["duologue   | early", "worker     | late [bold]"]
    assert capsys.readouterr().out.splitlines() == [line.partition(" ")[2] for line in lines]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_run_before_is_kept_too(tmp_path: Path) -> None:
    for run in ("first", "second", "third"):
        one = Log()
        one.keep_in(tmp_path / "up.log")
        one.say(run)
    assert "third" in (tmp_path / "up.log").read_text()
    assert "second" in (tmp_path / "up.log.1").read_text()


def test_a_log_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_LIMIT_BYTES", 1000)
    one = Log()
    one.keep_in(tmp_path / "up.log")
    for number in range(100):
        one.write("worker", f"{number} {'x' * 100}")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3000
    assert " 99 x" in (tmp_path / "up.log").read_text() + (tmp_path / "up.log.1").read_text()


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = Log()
    one.keep_in(tmp_path / "nowhere" / "up.log")
    one.say("heard all the same")
    assert "heard all the same" in capsys.readouterr().out
