import pytest

from jobs import lifecycle, listing, retention, submission
from jobs.accounts import Caller
from jobs.errors import Conflict, MediaError, NotFound
from jobs.rules import keys
from jobs.tables import Job
from tests import factories
from tests.past import let_go


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


def test_a_rerun_that_never_had_files_of_its_own_is_not_run_again_once_those_it_began_with_are_gone(
    caller: Caller,
) -> None:
    factories.submit(caller, inputs={"image": "data:image/png;base64,AAAA"})
    claim = factories.claim()
    key = keys.regular_input(claim.account_id, claim.job_id, claim.fence, "image.png")
    lifecycle.keep_media(claim, {"image": {"key": key}})
    lifecycle.finish(claim, factories.output(claim))
    again, _ = submission.rerun(caller, claim.job_id)
    lifecycle.cancel(caller, again.id)
    assert submission.rerun(caller, again.id)[0].media == {"image": {"key": key}}
    retention.delete_jobs(caller, [claim.job_id])
    with pytest.raises(Conflict, match="have been removed"):
        submission.rerun(caller, again.id)
    retention.archive(let_go())
    with pytest.raises(Conflict, match="have been removed"):
        submission.rerun(caller, again.id)


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
