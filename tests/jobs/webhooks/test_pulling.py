"""Promises about endpoints that are listened to: one listener at a time, who loses nothing and costs little."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import TextClause, func, text, update

from jobs import webhooks
from jobs.accounts import Caller
from jobs.database import engine, transaction
from jobs.errors import NotFound
from jobs.tables import Delivery, Endpoint
from jobs.webhooks import Letter
from tests.workers.couriers import completed

KINDS = ["job.completed"]
MANY = 3000
OWED_TO_OTHERS = text("""
    INSERT INTO deliveries (id, account_id, lane, kind)
    SELECT gen_random_uuid(), :account_id, gen_random_uuid(), 'job.completed' FROM generate_series(1, :many)
""")
TOLD_BEFORE = text("""
    INSERT INTO deliveries (id, account_id, lane, endpoint_id, kind, status, settled_at)
    SELECT gen_random_uuid(), :account_id, :endpoint_id, :endpoint_id, 'job.completed', 'delivered',
        now() - number * interval '1 minute'
    FROM generate_series(1, :many) AS number
""")
READ = text("""
    SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'deliveries'
""")


def test_a_look_for_news_reads_little_however_much_others_are_owed(caller: Caller) -> None:
    listened = [webhooks.register(caller, url=None, kinds=KINDS).id for _ in range(50)]
    fill(OWED_TO_OTHERS, account_id=caller.account_id)
    before = read()
    assert webhooks.with_news(listened) == set()
    assert read() - before < MANY / 10


def test_a_comeback_reads_what_came_later_however_much_was_told_before(caller: Caller) -> None:
    made = listened_to(caller)
    fill(TOLD_BEFORE, account_id=caller.account_id, endpoint_id=made.id)
    heard = [told_next(caller, made) for _ in range(2)]
    before = read()
    again = webhooks.listen(caller, made.id, heard[0].delivery_id)
    assert read() - before < MANY / 10
    assert told(caller, again) == [heard[1].delivery_id]


def test_a_listener_that_was_replaced_is_given_nothing_and_believed_nothing(caller: Caller) -> None:
    before = listened_to(caller)
    heard = told_next(caller, before)
    completed(caller)
    unheard = webhooks.pull(caller, before.id, before.listener)
    after = webhooks.listen(caller, before.id, heard.delivery_id)
    for said in ([], unheard):  # at another door, or on its way already
        with pytest.raises(NotFound, match="Somebody else listens"):
            webhooks.pull(caller, before.id, before.listener, said)
    assert told(caller, after) == [one.delivery_id for one in unheard]
    webhooks.hand_back(unheard)
    assert told(caller, after) == [], "the new one has it"


def test_whoever_has_heard_nothing_yet_is_told_what_was_told_since_it_began_and_nothing_older(caller: Caller) -> None:
    begun = listened_to(caller)
    assert begun.listener is not None
    told_next(caller, begun)
    with transaction() as session:
        session.execute(update(Delivery).values(settled_at=func.now() - timedelta(minutes=2)))
    unheard = told_next(caller, begun)  # to a connection that died before
    assert told(caller, webhooks.listen(caller, begun.id)) == [], "it did not ask"
    for start in (begun.listener, begun.id):
        assert told(caller, webhooks.listen(caller, begun.id, start)) == [unheard.delivery_id]


@pytest.mark.parametrize("strange", [0, 2**128 - 1])
def test_an_id_that_is_not_ours_upsets_nobody(caller: Caller, strange: int) -> None:
    webhooks.listen(caller, listened_to(caller).id, uuid.UUID(int=strange))


def listened_to(caller: Caller) -> Endpoint:
    """An endpoint, and who listens to it."""
    return webhooks.listen(caller, webhooks.register(caller, url=None, kinds=KINDS).id)


def told_next(caller: Caller, listened: Endpoint) -> Letter:
    """What its listener is told of one more job, and hears."""
    completed(caller)
    [letter] = webhooks.pull(caller, listened.id, listened.listener)
    webhooks.pull(caller, listened.id, listened.listener, [letter])
    return letter


def told(caller: Caller, listened: Endpoint) -> list[uuid.UUID]:
    """The deliveries that its listener is given."""
    return [one.delivery_id for one in webhooks.pull(caller, listened.id, listened.listener)]


def fill(words: TextClause, **given: uuid.UUID) -> None:
    """Write many deliveries, and let Postgres count them."""
    with transaction() as session:
        session.execute(words, {"many": MANY, **given})
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE deliveries, endpoints"))


def read() -> int:
    """How many rows of deliveries Postgres has read by now."""
    with transaction() as session:
        session.execute(text("SELECT pg_stat_force_next_flush()"))
    with transaction() as session:
        return int(session.execute(READ).scalar_one())
