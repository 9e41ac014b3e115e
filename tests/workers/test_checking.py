"""Whoever looks at finished videos is asked before anybody can see one, and is never answered for."""

from pathlib import Path

import pytest

from jobs import listing, submission
from jobs.accounts import Caller
from jobs.errors import Unchecked, WorkerUnfit
from jobs.rules import breaker, routing
from jobs.submission import Wish
from tests import factories
from tests.conftest import set_settings
from tests.story.scene import SOLO, solo
from workers import checking, runner
from workers.lease import Lease


@pytest.fixture
def lease(caller: Caller) -> Lease:
    factories.submit(caller)
    return Lease(factories.claim(), lambda: False)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "a video.mp4"
    path.write_text("what nobody may see")
    return path


def choose(patch: pytest.MonkeyPatch, folder: Path, script: str, seconds: str = "60") -> None:
    """From now on this script looks at videos."""
    program = folder / "look.sh"
    program.write_text(script)
    set_settings(patch, {"DUOLOGUE_CHECKER": f"sh '{program}' --strict", "DUOLOGUE_CHECKER_SECONDS": seconds})


def test_nobody_looks_unless_somebody_was_named(lease: Lease, video: Path) -> None:
    assert checking.is_flagged(video, lease) is None


@pytest.mark.parametrize(("word", "found"), [("nobody", True), ("kitten", False)])
def test_the_program_looks_at_the_video_and_its_end_is_its_answer(
    lease: Lease, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, *, found: bool
) -> None:
    choose(monkeypatch, tmp_path, f'[ "$1" = --strict ] || exit 1\ngrep -q {word} "$2" && exit 3\nexit 0\n')
    assert checking.is_flagged(video, lease) is found


@pytest.mark.parametrize(("script", "seconds"), [("exit 1", "60"), ("kill -9 $$", "60"), ("sleep 600", "0.2")])
def test_any_other_end_is_no_answer(
    lease: Lease, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, script: str, seconds: str
) -> None:
    monkeypatch.setattr(checking, "_PATIENCE_SECONDS", 0.0)
    choose(monkeypatch, tmp_path, script, seconds)
    with pytest.raises(Unchecked, match="gave no answer"):
        checking.is_flagged(video, lease)
    assert not breaker.blames("gpu", Unchecked.error_class)
    assert not routing.is_of_engine(Unchecked.error_class)


def test_a_program_that_was_away_is_asked_again_about_the_same_video(
    lease: Lease, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "_PAUSE_SECONDS", 0.0)
    choose(monkeypatch, tmp_path, f"echo x >> '{tmp_path}/asked'\n[ $(wc -l < '{tmp_path}/asked') = 3 ] || exit 7\n")
    assert checking.is_flagged(video, lease) is False


def test_a_program_that_is_not_there_is_the_machines_fault(
    lease: Lease, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_CHECKER": "/nowhere/at-all"})
    with pytest.raises(WorkerUnfit, match="DUOLOGUE_CHECKER cannot be started"):
        checking.is_flagged(video, lease)


def test_the_program_is_told_none_of_our_settings(
    lease: Lease, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path, f"env > '{tmp_path}/told'\n")
    assert checking.is_flagged(video, lease) is False
    assert "DUOLOGUE" not in (tmp_path / "told").read_text()


def test_what_it_finds_is_written_down_with_the_video(
    bucket: str, caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path, 'head -c 12 "$2" | grep -q ftyp && exit 3\n')
    job = submission.submit(caller, Wish(model=SOLO, inputs=solo(0.4)))
    runner.work("preview")
    found = listing.job(caller, job.id)
    assert (found.status, found.error) == ("completed", "")
    assert found.output is not None
    assert (found.output["is_checked"], found.output["is_flagged"]) == (True, True)
