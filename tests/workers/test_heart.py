"""What a worker says of itself while it lives."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs import dispatch, presence
from jobs.accounts import Caller
from tests import factories
from tests.cli.stack.neighbours import wait_until
from tests.routed import configure
from workers import drain, fitness, heart, scratch


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heart, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(fitness, "_standings", {})
    monkeypatch.setattr(drain, "_begun", threading.Event())
    monkeypatch.setattr(drain, "_hand_back_at", float("inf"))


@pytest.mark.usefixtures("_quick", "database_of_its_own")
def test_auto_gives_nothing_to_a_gpu_that_cannot_render_and_nobody_has_to_ring_for_that(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, DUOLOGUE_GPU_WEIGHTS="/nowhere", DUOLOGUE_GPU_DEVICE="cpu")
    with beating():
        wait_until(lambda: serving() == [["cloud", "preview"]], what="the worker does without the gpu")
        dispatch.forget()
        job = factories.submit(caller)
    assert (job.engine, presence.workers()) == ("cloud", [])


@pytest.mark.usefixtures("_quick", "database_of_its_own")
def test_a_worker_that_can_do_nothing_has_no_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, DUOLOGUE_ENGINES="gpu", DUOLOGUE_GPU_WEIGHTS="/nowhere", DUOLOGUE_GPU_DEVICE="cpu")
    with beating():
        wait_until(lambda: serving() == [[]], what="the worker serves nothing")
        assert [worker.slots for worker in presence.workers()] == [0]


@pytest.mark.usefixtures("_quick", "database_of_its_own")
def test_a_driver_that_hangs_does_not_stop_the_heart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    configure(monkeypatch, DUOLOGUE_ENGINES="gpu", DUOLOGUE_GPU_WEIGHTS="/nowhere", DUOLOGUE_GPU_DEVICE="cuda")
    with beating():
        wait_until(lambda: serving() != [], what="the first beat", seconds=3)


@pytest.mark.usefixtures("_quick", "database_of_its_own")
def test_a_disk_that_hangs_does_not_stop_the_heart_but_is_no_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers, free = threading.Event(), shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: answers.wait(60) and free)
    monkeypatch.setattr(scratch, "_PATIENCE_SECONDS", 0.1)
    configure(monkeypatch, DUOLOGUE_ENGINES="preview")
    with beating():
        try:
            wait_until(lambda: serving() == [[]], what="the worker serves nothing")
        finally:
            answers.set()
        wait_until(lambda: serving() == [["preview"]], what="the disk answers again")


@contextmanager
def beating() -> Iterator[None]:
    """A worker with one slot is alive."""
    thread = threading.Thread(target=heart.beat, args=[1])
    thread.start()
    try:
        yield
    finally:
        drain.begin(0.0)
        for one in threading.enumerate():
            if one is thread or one.name in {"fitness", "gpu-memory"}:
                one.join(60)


def serving() -> list[list[str]]:
    return [list(worker.engines) for worker in presence.workers()]
