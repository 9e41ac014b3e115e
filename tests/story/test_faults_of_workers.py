"""What becomes of jobs whose worker or rendering is killed, frozen or left without room."""

import resource
import shutil
import signal
import statistics
import uuid
from pathlib import Path

import pytest
from sqlalchemy import update

from jobs import history, lifecycle, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.rules import keys
from jobs.storage import keys_below
from jobs.tables import Job
from tests.story import kin
from tests.story.house import QUICK, House, wait_for
from tests.story.scene import Scene

pytestmark = [
    pytest.mark.story,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds other processes in /proc"),
]


@pytest.fixture
def scene(empty_house: House, caller: Caller) -> Scene:
    """One worker and the timetable; no front door. Scratch files are where the test can see them."""
    empty_house.environment["TMPDIR"] = str(empty_house.folder / "scratch")
    (empty_house.folder / "scratch").mkdir()
    empty_house.hire()
    empty_house.set_clock()
    return Scene(empty_house, caller)


@pytest.fixture
def usual_house(empty_house: House) -> House:
    """With the settings everybody has."""
    for name in QUICK:
        del empty_house.environment[name]
    return empty_house


def broken() -> list[str]:
    return [f"{found.invariant} {found.broken}" for found in history.check(with_bucket=True) if found.broken]


def videos_of(scene: Scene, job_id: uuid.UUID) -> list[str]:
    return [key for key in keys_below(keys.job(scene.caller.account_id, job_id)) if key.endswith(".mp4")]


def test_a_job_whose_worker_is_killed_runs_again_and_leaves_neither_process_nor_file(scene: Scene) -> None:
    job = scene.order()
    child = scene.rendering()
    scene.house.kill("worker")
    wait_for(lambda: not kin.is_alive(child), "the frozen rendering died with its worker")
    scene.house.hire("another")
    video = scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "rescued", "claimed", "completed"]
    wait_for(lambda: not any((scene.house.folder / "scratch").iterdir()), "no scratch file is left")
    assert videos_of(scene, job) == [video.key] == [keys.video(scene.caller.account_id, job, 2)]
    assert broken() == []


def test_a_killed_rendering_is_tried_again(scene: Scene) -> None:
    job = scene.order()
    kin.send([scene.rendering()], signal.SIGKILL)
    scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "stumbled", "claimed", "completed"]
    assert broken() == []


def test_a_rendering_that_hears_nothing_is_killed_by_a_cancel(scene: Scene) -> None:
    job = scene.order()
    child = scene.rendering()
    lifecycle.cancel(scene.caller, job)
    wait_for(lambda: not kin.is_alive(child), "the frozen rendering is dead")
    scene.wait_until(job, "cancelled")
    assert scene.kinds(job) == ["created", "claimed", "cancel_requested", "cancelled"]
    assert videos_of(scene, job) == []


def test_a_worker_that_slept_past_its_lease_changes_nothing_when_it_wakes(scene: Scene) -> None:
    job = scene.order()
    child = scene.rendering()
    worker = scene.house.processes["worker"].pid
    with kin.frozen([worker]):
        kin.send([child], signal.SIGCONT)  # its video is finished while nobody looks
        scene.house.hire("another")
        video = scene.completes(job)
    wait_for(lambda: b"lease.lost" in scene.house.log("worker").read_bytes(), "the sleeper learnt of it")
    wait_for(lambda: not kin.is_alive(child), "its rendering is gone")
    assert scene.house.processes["worker"].poll() is None
    assert scene.job(job).output == vars(video)
    assert scene.kinds(job) == ["created", "claimed", "rescued", "claimed", "completed"]
    scene.completes(scene.order())
    assert broken() == []


def test_ten_cancels_at_the_usual_settings_are_each_true_within_five_seconds(
    usual_house: House, caller: Caller
) -> None:
    usual_house.hire(slots=2)
    scene, took = Scene(usual_house, caller), []
    pair = [scene.order(20.0), scene.order(20.0)]
    for _ in range(5):
        children = scene.renderings(2)
        for job in pair:
            lifecycle.cancel(caller, job)
        for job in pair:
            scene.wait_until(job, "cancelled")
            took.append(scene.seconds_between(job, "cancel_requested", "cancelled"))
        assert not any(map(kin.is_alive, children))
        pair = [submission.rerun(caller, job)[0].id for job in pair]
    assert statistics.median(took) < 5
    assert max(took) < 20, "a busy machine may stand still for a while, at one or the other"


def test_a_rendering_without_room_for_its_video_is_tried_again(scene: Scene) -> None:
    job = scene.order()
    child = scene.rendering()
    resource.prlimit(child, resource.RLIMIT_FSIZE, (1000, 1000))  # what a full disk is to one process
    kin.send([child], signal.SIGCONT)
    scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "stumbled", "claimed", "completed"]


def test_a_worker_without_room_for_a_folder_takes_no_job_until_there_is_some(scene: Scene) -> None:
    scene.completes(scene.order())
    shutil.rmtree(scene.house.folder / "scratch")
    job = scene.order()
    wait_for(lambda: "scratch.full" in scene.house.log("worker").read_text(), "the worker found no room")
    (scene.house.folder / "scratch").mkdir()
    scene.completes(job)
    assert scene.kinds(job) == ["created", "claimed", "completed"]


@pytest.mark.parametrize(("deadline", "word"), [("wait_seconds", "waiting"), ("total_seconds", "total")])
def test_a_job_that_waited_past_its_deadline_fails_and_says_which(
    empty_house: House, caller: Caller, deadline: str, word: str
) -> None:
    empty_house.set_clock()
    scene = Scene(empty_house, caller)
    assert failure(scene, scene.order(**{deadline: 1})) == (1405, "deadline", f"the {word} deadline passed")


def test_a_rendering_past_its_deadline_is_ended_and_says_so(scene: Scene) -> None:
    job = scene.order()
    child = scene.rendering()
    with transaction() as session:  # only now, or a slow machine is late before it renders
        session.execute(update(Job).where(Job.id == job).values(run_seconds=1))
    assert failure(scene, job) == (1405, "deadline", "the run deadline passed")
    assert not kin.is_alive(child)


def failure(scene: Scene, job_id: uuid.UUID) -> tuple[int, str | None, str]:
    job = scene.wait_until(job_id, "failed")
    return job.error_code, job.error_class, job.error.partition(":")[0]


@pytest.mark.long
def test_at_the_usual_settings_a_killed_worker_s_job_runs_again_within_ninety_seconds(
    usual_house: House, caller: Caller
) -> None:
    usual_house.hire()
    usual_house.set_clock()
    scene = Scene(usual_house, caller)
    job = scene.order()
    child = scene.rendering()
    usual_house.kill("worker")
    usual_house.hire("another")
    wait_for(lambda: not kin.is_alive(child), "the rendering died with its worker")
    wait_for(lambda: scene.kinds(job).count("claimed") == 2, "it runs again", 90)
    scene.completes(job)
