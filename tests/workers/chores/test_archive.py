"""Finished jobs on their way out of the bucket and into the archive."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jobs import history, lifecycle, listing, retention, storage, submission
from jobs.accounts import Caller
from jobs.rules import keys
from jobs.tables import Job
from tests import factories
from tests.api.rendering import complete
from tests.conftest import set_settings
from tests.fakes.bucket_proxy import BucketProxy
from tests.past import age, archived, execute
from workers.chores import archive, sweep


def with_video(caller: Caller, folder: Path) -> Job:
    """A completed job with objects of two attempts in the bucket."""
    job = factories.submit(caller)
    lifecycle.hand_back(factories.claim())
    store(folder, keys.regular_input(job.account_id, job.id, 1, "image.png"))
    complete(folder)
    return job


def store(folder: Path, key: str) -> None:
    (folder / "object").write_bytes(b"something")
    storage.put(folder / "object", key, "video/mp4")


def objects(*jobs: Job) -> int:
    return sum(len(list(storage.keys_below(keys.job(job.account_id, job.id)))) for job in jobs)


def let_go_long_ago() -> None:
    execute("UPDATE jobs SET objects_removed_at = objects_removed_at - interval '1 day'")


def broken() -> list[str]:
    return [found.invariant for found in history.check(with_bucket=True) if found.verdict == "broken"]


def test_what_is_kept_no_longer_leaves_the_bucket_and_the_table(bucket: str, caller: Caller, tmp_path: Path) -> None:
    old = with_video(caller, tmp_path)
    age(days=8)
    fresh = with_video(caller, tmp_path)
    assert (archive.run_once(), objects(old)) == (1, 2)  # it is let go, and nobody who saw it before is cut off
    let_go_long_ago()
    assert archive.run_once() == 1
    assert (objects(old), objects(fresh)) == (0, 2)
    assert archived().keys() == {old.id}
    assert listing.job(caller, fresh.id).objects_removed_at is None
    assert archive.run_once() == 0
    assert broken() == []


def test_of_a_deleted_job_nothing_stays_but_the_inputs_that_a_rerun_waits_to_begin_with(
    bucket: str, caller: Caller, tmp_path: Path
) -> None:
    old = factories.submit(caller, inputs={"image": "data:image/png;base64,AAAA"})
    claim = factories.claim()
    lent, other = (keys.regular_input(caller.account_id, old.id, claim.fence, name) for name in ("a.png", "b.png"))
    lifecycle.keep_media(claim, {name: {"seconds": 1.0, "key": lent} for name in claim.model.media})
    lifecycle.hand_back(claim)
    complete(tmp_path)
    for key in (lent, other):
        store(tmp_path, key)
    new, _ = submission.rerun(caller, old.id)
    retention.delete_jobs(caller, [old.id])
    retention.let_go()
    let_go_long_ago()
    assert archive.run_once() == 0
    assert list(storage.keys_below(keys.job(caller.account_id, old.id))) == [lent]
    assert broken() == []
    lifecycle.cancel(caller, new.id)
    assert archive.run_once() == 1
    assert (objects(old), set(archived())) == (0, {old.id})


@pytest.mark.parametrize("cut_off_after", ["letting go", "the first object", "the last object"])
def test_whoever_is_cut_off_leaves_nothing_behind(
    bucket: str, caller: Caller, tmp_path: Path, cut_off_after: str
) -> None:
    job = with_video(caller, tmp_path)
    age(days=8)
    retention.let_go()
    let_go_long_ago()
    found = list(storage.keys_below(keys.job(job.account_id, job.id)))
    storage.remove({"letting go": [], "the first object": found[:1], "the last object": found}[cut_off_after])
    assert archive.run_once() == 1
    assert (objects(job), set(archived())) == (0, {job.id})
    assert broken() == []


def test_of_many_who_archive_at_once_each_job_is_moved_by_one(bucket: str, caller: Caller, tmp_path: Path) -> None:
    jobs = [with_video(caller, tmp_path) for _ in range(12)]
    age(days=8)
    retention.let_go()
    let_go_long_ago()
    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(lambda _: archive.run_once(), range(3))) == len(jobs)
    assert (objects(*jobs), len(archived())) == (0, len(jobs))
    assert broken() == []


def test_a_bucket_that_refuses_keeps_the_row_until_it_does_not(
    bucket: str, caller: Caller, tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = with_video(caller, tmp_path)
    age(days=8)
    retention.let_go()
    let_go_long_ago()
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.failing(403):
            assert archive.run_once() == 0
        assert archived() == {}
        assert archive.run_once() == 1
        assert objects(job) == 0
        storage._client().close()


def test_a_bucket_that_takes_its_time_is_asked_about_many_jobs_at_once(
    bucket: str, caller: Caller, tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [with_video(caller, tmp_path) for _ in range(6)]
    age(days=8)
    retention.let_go()
    let_go_long_ago()
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.slow(0.1):
            assert archive.run_once() == len(jobs)
        assert proxy.most_at_once > 1
        assert objects(*jobs) == 0
        storage._client().close()


def test_an_object_that_came_too_late_is_swept_and_nothing_else(bucket: str, caller: Caller, tmp_path: Path) -> None:
    gone, kept = with_video(caller, tmp_path), with_video(caller, tmp_path)
    retention.delete_jobs(caller, [gone.id])
    retention.let_go()
    let_go_long_ago()
    assert archive.run_once() == 1
    late = keys.video(caller.account_id, gone.id, 1)
    foreign = f"{caller.account_id.hex}/jobs/of-somebody-else"
    upload = keys.upload(caller.account_id, gone.id, "voice.wav")
    for key in (late, foreign, upload):
        store(tmp_path, key)
    assert sweep.run_once() == 1
    assert (objects(gone), objects(kept)) == (0, 2)
    assert storage.size(foreign) == storage.size(upload) == len(b"something")
    assert sweep.run_once() == 0
