"""What is kept of finished jobs, for how long, and what stays of them."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from jobs import history, ledger, lifecycle, listing, retention, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, MediaError, NotFound
from jobs.rules import keys, months
from jobs.submission import Wish
from jobs.tables import ArchivedEvent, ArchivedJob, Event, Job, LedgerEntry
from tests import factories
from tests.past import age, archived, completed, execute, let_go

INLINE = {"image": "data:image/png;base64,AAAA"}


def kinds(table: type[Event] | type[ArchivedEvent], job: Job) -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(table.kind).where(table.job_id == job.id).order_by(table.id)))


def broken() -> list[str]:
    return [found.invariant for found in history.check() if found.verdict == "broken"]


def with_media(caller: Caller) -> Job:
    """A finished job whose media came inside the request and were made regular."""
    factories.submit(caller, inputs=INLINE)
    claim = factories.claim()
    media = {
        name: {"seconds": 1.0, "key": keys.regular_input(claim.account_id, claim.job_id, claim.fence, name)}
        for name in claim.model.media
        if name in claim.inputs
    }
    lifecycle.keep_media(claim, media)
    lifecycle.finish(claim, factories.output(claim))
    return listing.job(caller, claim.job_id)


@contextmanager
def locked(job: Job) -> Iterator[None]:
    """Somebody else is just changing this job."""
    with transaction() as session:
        session.execute(select(Job.id).where(Job.id == job.id).with_for_update())
        yield


def test_a_finished_job_stays_for_as_long_as_is_set(caller: Caller) -> None:
    job = completed(caller)
    age(days=6.9)
    assert let_go() == []
    assert listing.job(caller, job.id).objects_removed_at is None
    age(days=0.2)
    assert let_go() == [job.id]


def test_a_job_whose_webhook_is_still_tried_stays_until_it_is_told_or_five_days_have_passed(caller: Caller) -> None:
    told, untold = (completed(caller, webhook_url="https://example.com/hook") for _ in range(2))
    age(days=8)
    execute("UPDATE deliveries SET status = 'delivered', settled_at = now() WHERE job_id = :id", id=told.id)
    assert let_go() == [told.id]
    execute("UPDATE deliveries SET owed_since = now() - interval '5.1 days'")
    assert let_go() == [told.id, untold.id]


def test_an_unfinished_job_stays_however_old_it_is(caller: Caller) -> None:
    factories.submit(caller)
    factories.submit(caller)
    factories.claim()
    execute("UPDATE jobs SET created_at = created_at - interval '30 days'")
    assert let_go() == []


def test_a_deleted_job_leaves_at_once_and_takes_its_last_event_along(caller: Caller) -> None:
    job, other = completed(caller), completed(caller)
    retention.delete_jobs(caller, [job.id])
    assert let_go() == [job.id]
    assert retention.archive([job.id, other.id]) == 1
    assert kinds(ArchivedEvent, job) == ["job.created", "job.claimed", "job.completed", "job.deleted"]
    assert archived().keys() == {job.id}
    assert broken() == []


def test_what_is_let_go_shows_no_video_and_leaves_once_nobody_can_still_be_looking(caller: Caller) -> None:
    job = completed(caller)
    age(days=8)
    assert retention.let_go() == 1
    assert retention.let_go() == 0
    assert listing.job(caller, job.id).objects_removed_at is not None
    assert list(retention.leaving()) == []
    assert retention.archive([completed(caller).id]) == 0
    assert let_go() == [job.id]


def test_a_job_whose_objects_a_version_before_the_archive_removed_follows_them(caller: Caller) -> None:
    job = completed(caller)
    execute("UPDATE jobs SET objects_removed_at = now() - interval '1 h'")
    assert [found.job.id for batch in retention.leaving() for found in batch] == [job.id]
    assert retention.archive([job.id]) == 1


def test_an_archived_job_is_a_row_that_says_how_it_went_and_nothing_that_its_caller_wrote(caller: Caller) -> None:
    told = "SAID-BY-THE-CALLER"
    job = factories.submit(
        caller,
        inputs={"prompt": told, "image": f"https://example.com/{told}.png"},
        tags=(told,),
        metadata={"note": told},
        webhook_url=f"https://example.com/{told}",
    )
    lifecycle.stumble(factories.claim(), MediaError("image", f"{told} is away", permanent=False))
    execute("UPDATE jobs SET due_at = now()")
    lifecycle.stumble(factories.claim("worker-2"), MediaError("image", f"{told} is no picture"))
    age(days=8)
    execute("UPDATE deliveries SET status = 'delivered', settled_at = now()")
    assert retention.archive(let_go()) == 1
    with transaction() as session:
        row = session.get_one(ArchivedJob, job.id)
        events = session.scalars(select(ArchivedEvent).order_by(ArchivedEvent.id)).all()
    assert (row.status, row.error_class, row.error_code, row.attempt, row.fence) == ("failed", "input", 1402, 2, 2)
    assert (row.account_id, row.key_id, row.model, row.engine) == (job.account_id, job.key_id, job.model, "preview")
    assert (row.created_at, row.video_seconds, row.deleted_at) == (job.created_at, None, None)
    assert [event.kind.removeprefix("job.") for event in events] == [
        "created",
        "claimed",
        "stumbled",
        "claimed",
        "failed",
    ]
    assert events[3].detail == {"worker": "worker-2"}
    assert events[4].detail == {"error_class": "input", "code": 1402}
    assert "pause_seconds" in events[2].detail
    whole = "SELECT row_to_json(found)::text FROM {} AS found"
    said = [row for table in ("archived_jobs", "archived_events") for row in execute(whole.format(table))]
    assert told not in repr(said)
    assert execute("SELECT FROM jobs") + execute("SELECT FROM events") == []


def test_the_length_and_the_time_of_a_video_stay(caller: Caller) -> None:
    job = completed(caller)
    age(days=8)
    retention.archive(let_go())
    with transaction() as session:
        row = session.get_one(ArchivedJob, job.id)
    assert (row.status, row.video_seconds, row.inference_ms) == ("completed", 4.0, 1234)


def test_an_archived_job_is_no_longer_there_for_callers_nor_for_the_key_that_names_it(caller: Caller) -> None:
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    job = submission.submit(caller, wish, "order-1")
    lifecycle.cancel(caller, job.id)
    age(days=8)
    retention.archive(let_go())
    for ask in (listing.job, lifecycle.cancel, submission.rerun):
        with pytest.raises(NotFound):
            ask(caller, job.id)
    with pytest.raises(NotFound):
        submission.submit(caller, wish, "order-1")
    assert retention.delete_jobs(caller, [job.id]) == 0
    assert broken() == []


def test_ledger_entries_stay(caller: Caller) -> None:
    job = completed(caller)
    with transaction() as session:
        ledger.requote(session, session.get_one(Job, job.id), job.price_usd + 1)
        ledger.settle(session, session.get_one(Job, job.id), is_charged=True)
    age(days=8)
    retention.archive(let_go())
    with transaction() as session:
        entries = session.scalars(select(LedgerEntry).where(LedgerEntry.job_id == job.id).order_by(LedgerEntry.id))
        assert [entry.kind for entry in entries] == ["hold", "capture"]
        assert session.get_one(ArchivedJob, job.id).price_usd == 1


def test_a_job_that_money_is_still_held_for_stays(caller: Caller) -> None:
    job = completed(caller)
    execute("UPDATE jobs SET held_usd = 0.15")
    age(days=8)
    assert let_go() == []
    execute("UPDATE jobs SET held_usd = 0")
    assert let_go() == [job.id]


def test_of_many_who_archive_at_once_each_job_is_moved_by_one(caller: Caller) -> None:
    for _ in range(24):
        lifecycle.cancel(caller, factories.submit(caller).id)
    age(days=8)
    leaving = let_go()
    with ThreadPoolExecutor(6) as pool:
        moved = list(pool.map(lambda _: retention.archive(leaving), range(12)))
    assert sum(moved) == len(leaving) == len(archived()) == 24
    assert execute("SELECT count(*) FROM archived_events") == [(48,)]
    assert broken() == []


def test_a_job_that_somebody_is_just_changing_is_passed_over(caller: Caller) -> None:
    job = completed(caller)
    age(days=8)
    with locked(job):
        assert retention.let_go() == 0
    leaving = let_go()
    with locked(job):
        assert retention.archive(leaving) == 0
    retention.delete_jobs(caller, leaving)
    assert retention.archive(leaving) == 1
    assert kinds(ArchivedEvent, job)[-1] == "job.deleted"


def test_a_move_that_breaks_off_leaves_everything_where_it_was(caller: Caller) -> None:
    jobs = [completed(caller) for _ in range(2)]
    age(days=8)
    leaving = let_go()
    before = [kinds(Event, job) for job in jobs]
    # What stands in the way of the last one undoes what was done for all.
    execute(
        "INSERT INTO archived_events SELECT job_id, id, account_id, kind, at, status, attempt, fence, detail"
        " FROM events ORDER BY id DESC LIMIT 1"
    )
    with pytest.raises(IntegrityError):
        retention.archive(leaving)
    assert archived() == {}
    assert [kinds(Event, job) for job in jobs] == before
    execute("DELETE FROM archived_events")
    assert retention.archive(leaving) == 2


def test_media_that_a_rerun_may_still_begin_with_stay_until_it_has_ended(caller: Caller) -> None:
    old = with_media(caller)
    new, _ = submission.rerun(caller, old.id)
    retention.delete_jobs(caller, [old.id])
    assert let_go() == []
    lifecycle.cancel(caller, new.id)
    assert let_go() == [old.id]


def test_a_rerun_that_keeps_media_of_its_own_holds_nothing_of_the_old_one(caller: Caller) -> None:
    old = with_media(caller)
    new, _ = submission.rerun(caller, old.id)
    claim = factories.claim()
    own = keys.regular_input(claim.account_id, new.id, claim.fence, "image.png")
    lifecycle.keep_media(claim, {name: {"seconds": 1.0, "key": own} for name in claim.model.media})
    age(days=8)
    assert let_go() == [old.id]


def test_a_rerun_does_not_begin_with_media_that_are_leaving(caller: Caller) -> None:
    old = with_media(caller)
    age(days=8)
    retention.let_go()
    with pytest.raises(Conflict, match="have been removed"):
        submission.rerun(caller, old.id)


def test_months_are_made_ahead_and_once(database: dict[str, str]) -> None:
    this_month = datetime.now(UTC).date().replace(day=1)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: retention.make_months(), range(4))) == 3
    wanted = [months.after(this_month, ahead) for ahead in range(3)]
    made = {name for (name,) in execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")}
    assert made == {
        *(f"{what}_{month:%Y_%m}" for what in ("jobs", "events") for month in wanted),
        "jobs_other",
        "events_other",
    }
    assert retention.make_months() == 0


def test_a_job_lies_in_the_month_it_was_created_in_and_its_events_beside_it(caller: Caller) -> None:
    job = completed(caller)
    retention.make_months()
    age(days=8)
    retention.archive(let_go())
    month = f"{months.of_id(job.id):%Y_%m}"
    assert archived() == {job.id: f"archive.jobs_{month}"}
    assert execute("SELECT DISTINCT tableoid::regclass::text FROM archived_events") == [(f"archive.events_{month}",)]


def test_what_fell_into_the_net_moves_to_its_month(caller: Caller) -> None:
    long_ago = uuid.UUID(int=months.first_id(datetime(2026, 8, 1, tzinfo=UTC).date()).int + 5)
    job = completed(caller)
    for table, column in (("jobs", "id"), ("events", "job_id")):
        execute(f"UPDATE {table} SET {column} = :id", id=long_ago)  # noqa: S608 - one of the two above
    age(days=8)
    retention.archive(let_go())
    assert archived() == {long_ago: "archive.jobs_other"}
    before = execute("SELECT * FROM archived_events ORDER BY id")
    assert retention.make_months() == len(list(months.between(months.of_id(long_ago), months.of_id(job.id)))) + 2
    assert archived() == {long_ago: "archive.jobs_2026_08"}
    assert execute("SELECT * FROM archived_events ORDER BY id") == before
    assert execute("SELECT FROM archive.events_other") == []
