"""Whose job is claimed next, by the rows alone; jobs/rules/turns.py says what ought to be."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from sqlalchemy import select, text

from jobs import batches, database, health, history, lifecycle, submission, terms, turns
from jobs.accounts import Caller
from jobs.lifecycle import Claim, claiming
from jobs.rules.turns import Stand, order
from jobs.submission import Wish
from jobs.tables import Job
from tests import batching, factories
from tests.conftest import Member, make_member
from tests.past import execute


def order_many(member: Member, count: int, **wishes: object) -> None:
    wish = Wish(model=factories.MULTI, inputs=factories.form(), **wishes)  # type: ignore[arg-type]  # as the test has them
    submission.submit_together([(member.key, wish, None)] * count)


def allow(caller: Caller, **changes: object) -> None:
    with database.transaction() as session:
        terms.change(session, terms.of(session, caller.account_id), changes)  # type: ignore[arg-type]  # as the test has them


def claimed(count: int) -> list[str]:
    """Whose the next jobs are."""
    return [factories.claim().account_id.hex for _ in range(count)]


def test_a_crowd_of_jobs_delays_another_accounts_only_job_by_one(member: Member, stranger: Member) -> None:
    order_many(member, 300, priority=100)
    claimed(20)
    order_many(stranger, 1, priority=-100)

    assert claimed(2) == [stranger.caller.account_id.hex, member.caller.account_id.hex]


def test_accounts_share_by_their_weights(member: Member, stranger: Member) -> None:
    allow(member.caller, weight=3)
    order_many(member, 20)
    order_many(stranger, 20)

    assert Counter(claimed(16)) == {member.caller.account_id.hex: 12, stranger.caller.account_id.hex: 4}


def test_whoever_was_away_neither_owns_the_past_nor_pays_for_it(member: Member, stranger: Member) -> None:
    order_many(stranger, 1)
    claimed(1)
    order_many(member, 20)
    claimed(10)
    order_many(stranger, 5)

    # One turn for each from now on, though the other has had ten meanwhile.
    assert Counter(claimed(6)) == {member.caller.account_id.hex: 3, stranger.caller.account_id.hex: 3}


@hypothesis_settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(some.data())
def test_claims_follow_the_rule_whatever_comes_when(
    database: dict[str, str], servers: dict[str, str], data: some.DataObject
) -> None:
    """Random arrivals, weights and limits: each claim is of the account that the rule names, and none has too many."""
    execute("DELETE FROM turns")
    execute("UPDATE jobs SET status = 'cancelled', lease_until = NULL, finished_at = now() WHERE finished_at IS NULL")
    members = [make_member(f"{name}-{data.draw(some.uuids())}") for name in "abc"]
    limits = {one.caller.account_id: data.draw(some.sampled_from([None, None, 1, 2])) for one in members}
    for one in members:
        allow(one.caller, weight=data.draw(some.integers(1, 4)), running_max=limits[one.caller.account_id])
    held: list[Claim] = []
    for _ in range(data.draw(some.integers(5, 15))):
        match data.draw(some.sampled_from(["order", "claim", "claim", "claim", "finish"])):
            case "order":
                order_many(data.draw(some.sampled_from(members)), data.draw(some.integers(1, 4)))
            case "claim":
                most = data.draw(some.sampled_from([1, 1, 2, 3, 7]))
                expected = expected_order()[:most]
                claims = claiming.claim_several("worker-1", factories.ENGINE, most)
                assert sorted(claim.account_id.hex for claim in claims) == sorted(expected)
                held += claims
            case "finish" if held:
                claim = held.pop(data.draw(some.integers(0, len(held) - 1)))
                lifecycle.finish(claim, factories.output(claim))
        under_way = Counter(claim.account_id for claim in held)
        assert all(under_way[account] <= most for account, most in limits.items() if most is not None)


def expected_order() -> list[str]:
    with database.transaction() as session:
        queue = turns.look(session, factories.ENGINE, 20)
    return list(order(queue.stands, queue.now))


def test_claimers_at_once_take_each_job_once_and_share_by_weight(member: Member, stranger: Member) -> None:
    allow(member.caller, weight=2)
    order_many(member, 60)
    order_many(stranger, 60)
    together = threading.Barrier(6)

    def work(number: int) -> list[Claim | None]:
        together.wait(30)
        return [lifecycle.claim(f"worker-{number}", factories.ENGINE) for _ in range(10)]

    with ThreadPoolExecutor(6) as workers:
        found = [claim for claims in workers.map(work, range(6)) for claim in claims if claim]
    assert len({claim.job_id for claim in found}) == 60
    had = Counter(claim.account_id for claim in found)
    # Those who chose at the same instant chose the same account: the shares are right to as many jobs.
    assert abs(had[member.caller.account_id] - 40) <= 6


def test_several_are_taken_as_if_one_by_one_though_some_are_held_by_others(member: Member, stranger: Member) -> None:
    order_many(member, 6)
    order_many(stranger, 2)
    with database.transaction() as session:
        first = session.scalars(select(Job).where(Job.account_id == member.caller.account_id).order_by(Job.id).limit(2))
        held = {job.id for job in first.all()}
        session.execute(select(Job.id).where(Job.id.in_(held)).with_for_update())
        found = claiming.claim_several("worker-1", factories.ENGINE, 5)
    assert Counter(claim.account_id for claim in found) == {member.caller.account_id: 3, stranger.caller.account_id: 2}
    assert held.isdisjoint(claim.job_id for claim in found)
    assert len(claiming.claim_several("worker-2", factories.ENGINE, 9)) == 3


def test_groups_and_single_claims_at_once_take_each_job_once(member: Member, stranger: Member) -> None:
    order_many(member, 60)
    order_many(stranger, 60)
    together = threading.Barrier(6)

    def work(number: int) -> list[Claim]:
        together.wait(30)
        most = 1 + number % 3 * 2
        return [claim for _ in range(6) for claim in claiming.claim_several(f"worker-{number}", factories.ENGINE, most)]

    with ThreadPoolExecutor(6) as workers:
        found = [claim for claims in workers.map(work, range(6)) for claim in claims]
    assert len({claim.job_id for claim in found}) == len(found) == 2 * 6 * (1 + 3 + 5)


def test_what_waits_is_not_read_to_claim_a_few_though_nothing_waited_when_postgres_last_looked(
    member: Member, stranger: Member
) -> None:
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE jobs"))
    for owner in (member, stranger):
        order_many(owner, 200)
    with database.transaction() as session:
        assert len(claiming._taken(session, "worker-1", factories.ENGINE, 8, ())) == 8
        read = text("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'jobs'")
        # Two looks at an account, eight jobs of each, and a few times the eight that are taken.
        assert session.scalars(read).one() < 60


def test_a_frozen_claim_keeps_nobody_else_waiting(member: Member, stranger: Member) -> None:
    order_many(member, 1)
    with database.transaction() as frozen:
        [row] = claiming._taken(frozen, "worker-1", factories.ENGINE, 1, ())
        order_many(stranger, 3)
        found = claiming.claim_several("worker-2", factories.ENGINE, 5)
        assert {claim.account_id for claim in found} == {stranger.caller.account_id}
        assert len(found) == 3
        assert row.account_id == member.caller.account_id


def test_an_engines_limit_makes_the_excess_wait(member: Member, stranger: Member) -> None:
    order_many(member, 3)
    order_many(stranger, 3)
    with database.transaction() as session:
        health.limit(session, factories.ENGINE, 2)
    together = threading.Barrier(4)

    def work(number: int) -> Claim | None:
        together.wait(30)
        return lifecycle.claim(f"worker-{number}", factories.ENGINE)

    with ThreadPoolExecutor(4) as workers:
        found = [claim for claim in workers.map(work, range(4)) if claim]
    assert len(found) == 2
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    lifecycle.finish(found[0], factories.output(found[0]))
    assert lifecycle.claim("worker-1", factories.ENGINE) is not None


def test_a_paused_account_begins_nothing_and_comes_back_in_the_present(member: Member, stranger: Member) -> None:
    order_many(member, 20)
    order_many(stranger, 20)
    with database.transaction() as session:
        terms.pause(session, terms.of(session, stranger.caller.account_id), "an unpaid bill")
    assert set(claimed(8)) == {member.caller.account_id.hex}
    with database.transaction() as session:
        terms.resume(session, terms.of(session, stranger.caller.account_id))
    assert Counter(claimed(6)) == {member.caller.account_id.hex: 3, stranger.caller.account_id.hex: 3}


def test_an_account_leaves_the_book_with_its_last_unfinished_job(member: Member) -> None:
    order_many(member, 1)
    claim = factories.claim()
    turns.tend()
    assert book() == [(factories.ENGINE, claim.account_id)]
    lifecycle.finish(claim, factories.output(claim))
    turns.tend()
    assert book() == []


def test_what_an_older_version_of_ours_takes_is_found(member: Member) -> None:
    order_many(member, 1)
    for media, queue in ((None, "cloud"), ("{}", "upstream")):
        execute("DELETE FROM turns")
        execute("UPDATE jobs SET engine = 'cloud', media = CAST(:media AS jsonb)", media=media)
        turns.tend()
        assert book() == [(queue, member.caller.account_id)]


def book() -> list[tuple[str, object]]:
    with database.transaction() as session:
        return [(row.queue, row.account_id) for row in session.execute(text("SELECT queue, account_id FROM turns"))]


def test_a_rule_of_stands_counts_what_may_begin(member: Member) -> None:
    allow(member.caller, running_max=2)
    order_many(member, 5)
    factories.claim()
    with database.transaction() as session:
        [limited] = turns.look(session, factories.ENGINE, 9).stands
        [unlimited] = turns.look(session, factories.ENGINE, 9, heeds_limits=False).stands
    assert (limited, unlimited.waiting) == (Stand(member.caller.account_id.hex, 1, 0.0, 1), 4)


def enter_another_queue(member: Member) -> None:
    with database.transaction() as session:
        turns.enter_all(session, member.caller.account_id, {factories.ENGINE})


def order_one(member: Member) -> None:
    order_many(member, 1)


@pytest.mark.parametrize("come", [order_one, enter_another_queue])
def test_whoever_comes_into_a_queue_waits_for_no_claim(member: Member, come: Callable[[Member], None]) -> None:
    """A claim holds its account's turn until it is committed, and may wait for the account's tally meanwhile."""
    order_many(member, 1)
    with ThreadPoolExecutor(1) as worker, database.engine().begin() as claiming:
        claiming.execute(text("UPDATE turns SET turn = 1 WHERE account_id = :id"), {"id": member.caller.account_id})

        worker.submit(come, member).result(10)


def test_two_batches_under_limits_keep_every_promise(member: Member, stranger: Member, bucket: str) -> None:
    """One is paused and goes on in the middle, workers come and go, and the history is judged in the end."""
    allow(member.caller, running_max=2)
    allow(stranger.caller, running_max=3, weight=2)
    with database.transaction() as session:
        health.limit(session, factories.ENGINE, 4)
    held_back, other = (batching.read(one.caller, batching.lines(12)).batch for one in (member, stranger))
    batches.pause(member.caller, held_back.id)
    together = threading.Barrier(6)

    def work(number: int) -> int:
        together.wait(30)
        if number == 0:
            batches.resume(member.caller, held_back.id)
        done = 0
        while batches.seen(stranger.caller, other.id).states.get("waiting"):
            if claim := lifecycle.claim(f"worker-{number}", factories.ENGINE):
                lifecycle.finish(claim, factories.output(claim))
                done += 1
        return done

    with ThreadPoolExecutor(6) as workers:
        assert sum(workers.map(work, range(6))) > 12
    verdicts = {finding.invariant: finding.verdict for finding in history.check()}
    assert (verdicts["I8"], verdicts["I3"]) == ("holds", "holds")
    assert "broken" not in verdicts.values()
