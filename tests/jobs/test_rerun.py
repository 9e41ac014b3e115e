import pytest

from jobs import lifecycle, listing, retention, submission
from jobs.accounts import Caller
from jobs.errors import Conflict, MediaError, NotFound
from jobs.tables import Job
from tests import factories


def finished(caller: Caller, **inputs: object) -> Job:
    job = factories.submit(caller, inputs=inputs, tags=("a",), priority=3)
    lifecycle.stumble(factories.claim(), MediaError("image", "is a text file"))
    return listing.job(caller, job.id)


def test_a_rerun_is_a_new_job_that_names_the_old_one(caller: Caller) -> None:
    old = finished(caller)
    new, _ = submission.rerun(caller, old.id)
    assert new.id != old.id
    assert new.rerun_of == old.id
    assert (new.inputs, new.seed, new.tags, new.priority) == (old.inputs, old.seed, ["a"], 3)
    assert listing.job(caller, new.id).status == "waiting"
    assert listing.job(caller, old.id).status == "failed"


def test_a_rerun_keeps_media_that_came_inside_the_request(caller: Caller) -> None:
    submission.rerun(caller, finished(caller, image="data:image/png;base64,AAAA").id)
    assert lifecycle.sources(factories.claim())["image"] == "data:image/png;base64,AAAA"


def test_an_unfinished_job_is_not_run_again(caller: Caller) -> None:
    with pytest.raises(Conflict):
        submission.rerun(caller, factories.submit(caller).id)


def test_nobody_reruns_a_strangers_job(caller: Caller, other_caller: Caller) -> None:
    with pytest.raises(NotFound):
        submission.rerun(other_caller, finished(caller).id)


def test_a_deleted_job_is_neither_run_again_nor_named_by_its_key(caller: Caller) -> None:
    old = finished(caller)
    named, _ = submission.rerun(caller, old.id, "again")
    lifecycle.cancel(caller, named.id)
    assert retention.delete_jobs(caller, [named.id]) == 1
    with pytest.raises(NotFound):
        submission.rerun(caller, old.id, "again")
    retention.delete_jobs(caller, [old.id])
    with pytest.raises(NotFound):
        submission.rerun(caller, old.id)


def test_a_rerun_named_twice_is_one_job(caller: Caller) -> None:
    old = finished(caller)
    first, is_new = submission.rerun(caller, old.id, "again")
    second, is_newer = submission.rerun(caller, old.id, "again")
    assert (first.id, is_new, is_newer) == (second.id, True, False)
