import hashlib
from pathlib import Path

import pytest

from jobs import history, lifecycle, retention, settings, storage, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import MediaError
from jobs.history import Finding, videos
from jobs.lifecycle import Output
from jobs.submission import Wish
from jobs.tables import Job
from tests import factories
from tests.past import age, execute, let_go


def tell(job: Job, kind: str, status: str, fence: int = 1, detail: str = "{}") -> None:
    """Write an event that the house itself would not have written."""
    execute(
        "INSERT INTO events (account_id, job_id, kind, status, attempt, fence, detail)"
        " VALUES (:account, :job, :kind, :status, 1, :fence, CAST(:detail AS jsonb))",
        account=job.account_id,
        job=job.id,
        kind=kind,
        status=status,
        fence=fence,
        detail=detail,
    )


def verdicts() -> dict[str, str]:
    return {found.invariant: found.verdict for found in history.check()}


def finding(invariant: str) -> Finding:
    return next(found for found in history.check() if found.invariant == invariant)


def completed(caller: Caller) -> Job:
    """A job that was handed back once and then completed."""
    job = factories.submit(caller)
    lifecycle.hand_back(factories.claim())
    claim = factories.claim("worker-2")
    lifecycle.finish(claim, factories.output(claim))
    return job


def test_a_new_house_has_proven_nothing(database: dict[str, str]) -> None:
    assert set(verdicts().values()) == {"no subject"}


def test_what_the_house_itself_does_holds(caller: Caller) -> None:
    completed(caller)
    cancelled = factories.submit(caller)
    factories.claim()
    lifecycle.cancel(caller, cancelled.id)
    submission.submit(caller, Wish(model=factories.MULTI, inputs=factories.form()), "a name")
    assert verdicts() == {
        **dict.fromkeys(("I1", "I2", "I3", "I4", "I9"), "holds"),
        **dict.fromkeys(("I5", "I6", "I7", "I8", "I10"), "no subject"),
    }


def test_archived_jobs_keep_every_promise_that_they_kept_before(caller: Caller) -> None:
    completed(caller)
    factories.submit(caller)
    lifecycle.stumble(factories.claim(), MediaError("image", "is no picture"))
    named = submission.submit(caller, Wish(model=factories.MULTI, inputs=factories.form()), "a name")
    lifecycle.cancel(caller, named.id)
    before = {found.invariant: (found.verdict, found.subjects) for found in history.check() if found.invariant != "I9"}
    age(days=8)
    assert retention.archive(let_go()) == 3
    after = {found.invariant: (found.verdict, found.subjects) for found in history.check() if found.invariant != "I9"}
    assert after == before
    assert finding("I9").verdict == "holds"


def test_deleting_finished_jobs_breaks_no_promise(caller: Caller) -> None:
    cancelled = factories.submit(caller)
    lifecycle.cancel(caller, cancelled.id)
    assert retention.delete_jobs(caller, [completed(caller).id, cancelled.id]) == 2
    assert "broken" not in verdicts().values()


def test_promises_come_in_order_with_what_they_were_judged_by(caller: Caller) -> None:
    completed(caller)
    found = history.check()
    assert [finding.invariant for finding in found] == [f"I{number}" for number in range(1, 11)]
    assert found[0].subjects == 1
    assert found[3].note.startswith("one rescue period is 73 s")


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM jobs",
        "DELETE FROM events WHERE kind = 'job.created'",
        "DELETE FROM events WHERE kind = 'job.completed'",
        "DELETE FROM events WHERE kind = 'job.claimed'",
        "UPDATE events SET status = 'failed' WHERE kind = 'job.completed'",
    ],
)
def test_history_and_rows_must_tell_the_same_story(caller: Caller, harm: str) -> None:
    job = completed(caller)
    execute(harm)
    assert (finding("I1").verdict, finding("I1").broken) == ("broken", (job.id.hex,))


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM archived_jobs",
        "DELETE FROM archived_events WHERE kind = 'job.created'",
        "DELETE FROM archived_events WHERE kind = 'job.completed'",
        "UPDATE archived_jobs SET status = 'failed'",
        "UPDATE archived_events SET status = 'failed' WHERE kind = 'job.completed'",
        """
        WITH moved AS (DELETE FROM archived_events WHERE kind = 'job.completed' RETURNING *)
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence)
        SELECT account_id, job_id, kind, status, attempt, fence FROM moved
        """,
    ],
)
def test_the_archive_must_tell_the_same_story(caller: Caller, harm: str) -> None:
    job = completed(caller)
    age(days=8)
    retention.archive(let_go())
    execute(harm)
    assert (finding("I1").verdict, finding("I1").broken) == ("broken", (job.id.hex,))


def test_a_job_is_hot_or_archived_and_never_both(caller: Caller) -> None:
    job = completed(caller)
    execute("CREATE TABLE kept AS SELECT * FROM jobs")
    age(days=8)
    retention.archive(let_go())
    execute("INSERT INTO jobs SELECT * FROM kept")
    assert finding("I1").broken == (job.id.hex,)


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE archived_jobs SET fence = 1",
        "UPDATE archived_events SET fence = 1 WHERE kind = 'job.completed'",
        "UPDATE archived_events SET fence = 3 WHERE fence = 2",
    ],
)
def test_the_one_effect_is_still_told_by_the_archive(caller: Caller, harm: str) -> None:
    job = completed(caller)
    age(days=8)
    retention.archive(let_go())
    execute(harm)
    assert (finding("I3").verdict, finding("I3").broken) == ("broken", (job.id.hex,))


@pytest.mark.parametrize(
    ("kind", "status"), [("job.created", "waiting"), ("job.failed", "failed"), ("job.stumbled", "waiting")]
)
def test_nothing_follows_the_end_of_a_job(caller: Caller, kind: str, status: str) -> None:
    job = completed(caller)
    tell(job, kind, status, fence=2)
    assert finding("I1").broken == (job.id.hex,)


def test_a_key_must_name_a_job_and_no_other_key_the_same(caller: Caller) -> None:
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    one, two = (submission.submit(caller, wish, name) for name in ("one", "two"))
    execute("UPDATE idempotency_keys SET job_id = :one", one=one.id)
    assert finding("I2").broken == (one.id.hex,)
    execute("DELETE FROM idempotency_keys WHERE key = 'one'")
    execute("UPDATE idempotency_keys SET job_id = gen_random_uuid()")
    assert two.id.hex not in finding("I2").broken
    assert finding("I2").verdict == "broken"


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE events SET fence = 1 WHERE kind = 'job.completed'",
        "UPDATE events SET fence = 3 WHERE kind = 'job.completed'",
        "UPDATE events SET fence = 3 WHERE fence = 2",
        "UPDATE events SET fence = 1 WHERE fence = 2",
        "UPDATE jobs SET output = jsonb_set(output, '{key}', to_jsonb(replace(output ->> 'key', '/2/', '/1/')))",
        "UPDATE jobs SET output = NULL",
    ],
)
def test_the_one_effect_carries_the_newest_fence(caller: Caller, harm: str) -> None:
    job = completed(caller)
    execute(harm)
    assert (finding("I3").verdict, finding("I3").broken) == ("broken", (job.id.hex,))


def test_a_second_end_breaks_the_one_effect(caller: Caller) -> None:
    job = completed(caller)
    tell(job, "job.completed", "completed", fence=2)
    assert finding("I3").broken == (job.id.hex,)


@pytest.mark.parametrize("column", ["finish_until", "lease_until"])
def test_a_job_overdue_by_more_than_a_rescue_period_is_named(caller: Caller, column: str) -> None:
    job = factories.submit(caller)
    factories.claim()
    execute(f"UPDATE jobs SET {column} = now() - interval '70 s'")  # noqa: S608 - one of the two above
    assert finding("I4").verdict == "holds"
    execute(f"UPDATE jobs SET {column} = now() - interval '80 s'")  # noqa: S608 - one of the two above
    assert finding("I4").broken == (job.id.hex,)


def test_a_finished_job_is_past_all_deadlines(caller: Caller) -> None:
    completed(caller)
    execute("UPDATE jobs SET finish_until = now() - interval '1 h', wait_until = now() - interval '1 h'")
    assert finding("I4").verdict == "holds"


def test_a_cancel_is_the_last_word(caller: Caller) -> None:
    told, changed = (factories.submit(caller) for _ in range(2))
    for job in (told, changed):
        lifecycle.cancel(caller, job.id)
    assert finding("I7").verdict == "holds"
    tell(told, "job.cancel_requested", "cancelled", fence=0)
    assert finding("I7").broken == (told.id.hex,)
    execute("UPDATE jobs SET output = '{}' WHERE id = :changed", changed=changed.id)
    assert finding("I7").broken == (told.id.hex, changed.id.hex)


@pytest.mark.parametrize(
    "secret",
    [
        "https://bucket.example.com/a.mp4?X-Amz-Signature=0123",
        "duo_" + "x" * 43,
        "redis://:open-sesame@127.0.0.1:6379/0",
        "postgresql+psycopg://duologue:open-sesame@127.0.0.1/duologue",
    ],
)
def test_a_secret_in_an_event_an_error_or_a_log_is_found_and_not_repeated(
    caller: Caller, tmp_path: Path, secret: str
) -> None:
    job = factories.submit(caller)
    log = tmp_path / "worker.log"
    log.write_text(f"all is well at http://127.0.0.1:8000/ready\nit said {secret}\n")
    [found] = [found for found in history.check(logs=[log]) if found.invariant == "I9"]
    assert found.broken == ("worker.log:2",)
    execute("UPDATE jobs SET error = :secret", secret=secret)
    assert finding("I9").broken == (job.id.hex,)
    execute("UPDATE jobs SET error = ''")
    execute("UPDATE events SET detail = jsonb_build_object('reason', CAST(:secret AS text))", secret=secret)
    assert finding("I9").broken == (job.id.hex,)
    assert secret not in repr(finding("I9"))


def test_a_secret_in_the_archive_is_found(caller: Caller) -> None:
    job = completed(caller)
    age(days=8)
    retention.archive(let_go())
    execute("UPDATE archived_events SET detail = jsonb_build_object('worker', 'duo_' || repeat('x', 43))")
    assert finding("I9").broken == (job.id.hex,)


def test_the_bucket_s_own_secret_is_known_to_the_letter(caller: Caller, tmp_path: Path) -> None:
    log = tmp_path / "door.log"
    log.write_text(settings.load().secret("s3_secret_access_key"))
    [found] = [found for found in history.check(logs=[log]) if found.invariant == "I9"]
    assert found.broken == ("door.log:1",)


def test_a_video_that_is_missing_or_not_as_told_is_found_in_the_bucket(
    caller: Caller, bucket: str, tmp_path: Path
) -> None:
    factories.submit(caller)
    claim = factories.claim()
    promised = factories.output(claim)
    video = tmp_path / "video.mp4"
    video.write_bytes(b"a picture")
    digest = hashlib.sha256(b"a picture").hexdigest()
    lifecycle.finish(claim, Output(**{**vars(promised), "sha256": digest}))
    assert in_bucket().broken == (claim.job_id.hex,)
    storage.put(video, promised.key, "video/mp4")
    assert (in_bucket().verdict, in_bucket().subjects) == ("holds", 1)
    for content in (b"another", b"A picture", b"something longer"):
        video.write_bytes(content)
        storage.put(video, promised.key, "video/mp4")
        assert in_bucket().broken == (claim.job_id.hex,)


def test_a_video_that_leaves_while_the_bucket_is_looked_at_is_not_missed(caller: Caller, bucket: str) -> None:
    completed(caller)
    with transaction() as session:
        [video] = videos.published(session)
    assert videos.as_promised([video]).broken == (video.job,)
    age(days=8)
    retention.let_go()
    assert videos.as_promised([video]).verdict == "holds"


def in_bucket() -> Finding:
    return history.check(with_bucket=True)[-1]
