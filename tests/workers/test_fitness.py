"""A machine is looked at before anybody's job depends on it."""

import sys
import threading
from pathlib import Path

import pytest

from jobs import events, listing, submission
from jobs.accounts import Caller
from jobs.submission import Wish
from tests import factories
from tests.cli.stack.neighbours import wait_until
from tests.conftest import set_settings
from tests.story.scene import SOLO, solo
from workers import fitness, runner, scratch

Told = list[tuple[str, dict[str, object]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Every event of this test; and nothing is known of any machine."""
    heard: Told = []
    monkeypatch.setattr(fitness, "_standings", {})
    monkeypatch.setattr(fitness, "_begun_at", {})
    monkeypatch.setattr(fitness, "_doubted", set())
    monkeypatch.setattr(events, "_listeners", [lambda name, facts: heard.append((name, facts))])
    return heard


def test_a_machine_that_cannot_render_claims_nothing_and_says_why_once(
    database: dict[str, str], caller: Caller, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_ENGINES": "gpu"})  # and no weights
    job = factories.submit(caller)
    runner.work("gpu")
    runner.work("gpu")
    assert listing.job(caller, job.id).status == "waiting"
    [unfit] = [facts for name, facts in told if name == "engine.unfit"]
    assert unfit["engine"] == "gpu"
    assert "cannot be imported" in str(unfit["reason"]) or "DUOLOGUE_GPU_WEIGHTS is not set" in str(unfit["reason"])


def test_a_machine_in_doubt_is_looked_at_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fitness.is_fit("gpu")
    fitness.doubt("gpu")
    assert not fitness.is_fit("gpu")
    assert [name for name, _ in told] == ["engine.unfit"] * 2


def test_a_machine_without_room_serves_nothing_until_there_is_some(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(scratch, "_LEAST_BYTES", 2**70)
        assert not fitness.is_fit("preview")
        assert fitness.serving(["preview", "cloud"]) == []
    assert [name for name, _ in told] == ["scratch.full"]
    assert fitness.is_fit("preview")
    assert fitness.serving(["preview", "cloud"]) == ["preview", "cloud"]


def test_an_engine_that_renders_anywhere_is_not_looked_at(told: Told) -> None:
    assert fitness.is_fit("preview")
    assert fitness.equipment("preview") == {}
    assert told == []


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("library", ["av", "cv2"])
def test_a_worker_whose_libraries_are_broken_takes_one_job_and_loses_none(
    caller: Caller, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    jobs = [submission.submit(caller, Wish(model=SOLO, inputs=solo(0.4))) for _ in range(2)]
    with monkeypatch.context() as broken:
        (tmp_path / f"{library}.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
        broken.setenv("PYTHONPATH", str(tmp_path))
        runner.work("preview")
        runner.work("preview")
        found = [listing.job(caller, job.id) for job in jobs]
        assert [(job.status, job.attempt) for job in found] == [("waiting", 0)] * 2
        assert sum(job.fence for job in found) == 1
        assert fitness.serving(["preview"]) == []
    [unfit] = [facts for name, facts in told if name == "engine.unfit"]
    assert "libGL.so.1" in str(unfit["reason"])
    fitness.doubt("preview")
    assert fitness.is_fit("preview")


def test_a_machine_serves_what_it_is_not_known_to_be_unfit_for(told: Told) -> None:
    assert fitness.serving(["gpu", "cloud"]) == ["gpu", "cloud"]
    assert not fitness.is_fit("gpu")
    with fitness._looking:  # somebody looks at this very moment
        assert fitness.serving(["gpu", "cloud"]) == ["cloud"]


@pytest.mark.usefixtures("told")
def test_a_driver_may_say_what_is_no_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nprintf 'driver: \\377 failed' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert fitness.examine("gpu").sentence == "the check ended with status 1: driver: \ufffd failed"


def test_a_look_that_a_driver_never_lets_go_counts_as_unfit(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    lets_go = threading.Event()
    fit = fitness.Standing(is_fit=True, sentence="at last", found_at=0.0)
    monkeypatch.setattr(fitness, "_MOST_SECONDS", 0.1)
    monkeypatch.setattr(fitness, "examine", lambda _: lets_go.wait(60) and fit)
    looking = threading.Thread(target=fitness.is_fit, args=["gpu"])
    looking.start()
    try:
        wait_until(lambda: fitness.serving(["gpu", "cloud"]) == ["cloud"], what="nobody waits for the driver")
        assert fitness.serving(["gpu", "cloud"]) == ["cloud"]
    finally:
        lets_go.set()
        looking.join(60)
    assert fitness.serving(["gpu", "cloud"]) == ["gpu", "cloud"]
    assert [name for name, _ in told] == ["engine.unfit", "engine.fit"]
