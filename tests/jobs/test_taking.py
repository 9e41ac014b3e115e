"""What taking orders costs Postgres, however much there is already."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs import database
from jobs.accounts import Caller
from jobs.submission import Order, Wish, standings, statement, wishes
from tests import factories
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


def take(session: Session, caller: Caller, name: str) -> None:
    draft = wishes.draft(Order(caller, Wish(model=factories.MULTI, inputs=factories.form()), name))
    own = caller.account_id
    standing, _ = standings.lock_and_look_up(session, [own], [(own, name)])
    standing[own].admit(session, draft)
    statement.write(session, [draft], standing)


def read(session: Session) -> dict[str, int]:
    return dict(session.execute(READ).all())
