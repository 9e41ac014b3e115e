"""What taking orders costs Postgres, however much there is already, and what is known of an order that was taken."""

from dataclasses import replace

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from jobs import database, ids, lifecycle, listing, submission
from jobs.accounts import Caller
from jobs.errors import Unavailable
from jobs.listing import Filter
from jobs.rules import keys
from jobs.submission import Order, Wish, standings, statement, taking, wishes
from jobs.submission.again import draft_again
from jobs.submission.wishes import Draft
from jobs.tables import Job
from tests import factories
from tests.blinking import no_job_is_read
from tests.conftest import Member

MANY = 300
FILL = (
    "CREATE TEMPORARY TABLE them ON COMMIT DROP AS SELECT gen_random_uuid() AS id FROM generate_series(1, :many)",
    "INSERT INTO accounts (id, name) SELECT id, id::text FROM them",
    "INSERT INTO tallies (account_id) SELECT id FROM them",
    "INSERT INTO turns (queue, account_id) SELECT :engine, id FROM them",
    """INSERT INTO idempotency_keys (account_id, key, body_digest, job_id, expires_at)
        SELECT :member, id::text, '', id, now() + interval '1 day' FROM them""",
)
READ = text("""
    SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
    WHERE relname IN ('idempotency_keys', 'tallies', 'turns')
""")
WISH = Wish(
    model=factories.MULTI,
    inputs=factories.form(image="data:image/png;base64,AAAA", prompt="hello"),
    priority=3,
    tags=("a",),
    metadata={"b": [1, 2.5, None]},
    webhook_url="https://example.com/hook",
    wait_seconds=60,
    run_seconds=90,
    total_seconds=120,
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
COLUMNS = inspect(Job).column_attrs.keys()


def test_an_order_reads_what_is_its_own_though_there_was_hardly_any_when_it_was_planned(member: Member) -> None:
    with database.transaction() as session:
        take(session, member.caller, "counted")
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE idempotency_keys, tallies, turns"))
    with database.transaction() as session:
        take(session, member.caller, "planned")
        given = {"many": MANY, "engine": factories.ENGINE, "member": member.caller.account_id}
        for words in FILL:
            session.execute(text(words), given)
        before = read(session)
        take(session, member.caller, "asked")
        after = read(session)

    assert after.keys() == {"idempotency_keys", "tallies", "turns"}
    assert max(after[table] - before[table] for table in after) < MANY / 10


def test_what_was_taken_just_now_is_known_to_the_last_column_without_reading_it(caller: Caller) -> None:
    ordered = wishes.draft(Order(caller, WISH))
    repeated = again(caller, ordered)
    for draft in (ordered, repeated):
        taken = taking.take_one(draft)
        assert taken.created_at is not None
        known, read = statement.written(draft, taken.created_at), listing.job(caller, taken.job_id)
        assert {name: getattr(known, name) for name in COLUMNS} == {name: getattr(read, name) for name in COLUMNS}
    assert repeated.row["media"]


def test_a_database_that_goes_away_after_the_commit_refuses_nobody_what_was_taken(caller: Caller) -> None:
    with no_job_is_read():
        job, is_new = submission.submit_once(caller, WISH, "order-1")
        with pytest.raises(Unavailable):
            submission.submit_once(caller, WISH, "order-1")
    assert is_new
    assert [one.id for one in listing.jobs(caller, Filter())] == [job.id]


def again(caller: Caller, draft: Draft) -> Draft:
    """The same once more, from a finished job whose media came inside the request."""
    job_id = taking.take_one(replace(draft, row=draft.row | {"id": ids.new_id().hex})).job_id
    claim = factories.claim()
    key = keys.regular_input(claim.account_id, claim.job_id, claim.fence, "image.png")
    lifecycle.keep_media(claim, {"image": {"key": key}})
    lifecycle.finish(claim, factories.output(claim))
    with database.transaction() as session:
        return draft_again(session, caller, session.get_one(Job, job_id))


def take(session: Session, caller: Caller, name: str) -> None:
    draft = wishes.draft(Order(caller, Wish(model=factories.MULTI, inputs=factories.form()), name))
    own = caller.account_id
    standing, _ = standings.lock_and_look_up(session, [own], [(own, name)])
    standing[own].admit(session, draft)
    statement.write(session, [draft], standing)


def read(session: Session) -> dict[str, int]:
    return dict(session.execute(READ).all())


@pytest.mark.parametrize(("letters", "is_closed"), [(9 * 2**20, True), (9 * 2**10, False)])
def test_no_connection_keeps_the_memory_of_a_very_long_order(caller: Caller, letters: int, is_closed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    before = session_id()
    factories.submit(caller, inputs=factories.form(image="A" * letters))
    assert (session_id() != before) == is_closed


def session_id() -> int:
    with database.transaction() as session:
        return int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
