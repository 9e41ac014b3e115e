"""An account's limits where they bite: at the door, and where jobs are claimed."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from jobs import accounts, database, lifecycle, submission
from jobs.accounts import Caller
from jobs.errors import NotAllowed, TooMany, Unavailable
from jobs.lifecycle import Claim, claiming
from jobs.rules.scopes import Scope
from jobs.submission import Taken, Wish
from jobs.tables import Account
from tests import factories
from tests.conftest import Member
from tests.paying import kept


def limit(caller: Caller, **terms: object) -> None:
    with database.transaction() as session:
        session.execute(update(Account).where(Account.id == caller.account_id).values(**terms))


def order(member: Member, count: int = 1, **wishes: object) -> list[Taken | Exception]:
    """As the door does: by key, all at once."""
    wish = Wish(model=factories.MULTI, inputs=factories.form(), **wishes)  # type: ignore[arg-type]
    return submission.submit_together([(member.key, wish, None)] * count)


def taken(answers: list[Taken | Exception]) -> list[bool]:
    return [isinstance(answer, Taken) for answer in answers]


def test_submits_per_minute_are_counted_over_all_doors(member: Member, stranger: Member) -> None:
    limit(member.caller, submits_per_minute=3)
    assert taken(order(member, 2)) == [True, True]
    answers = order(member, 2)
    assert taken(answers) == [True, False]
    assert isinstance(answers[1], TooMany)
    assert 0 < (answers[1].retry_after_seconds or 0) <= 61
    assert taken(order(stranger, 4)) == [True] * 4


def test_at_most_so_many_wait(member: Member) -> None:
    limit(member.caller, waiting_max=2)
    assert taken(order(member, 3)) == [True, True, False]
    factories.claim()
    assert taken(order(member, 2)) == [True, False]


def test_what_a_stumble_puts_back_counts_as_waiting(member: Member) -> None:
    limit(member.caller, waiting_max=3)
    assert taken(order(member, 3)) == [True] * 3
    claims = [factories.claim() for _ in range(3)]
    assert taken(order(member)) == [True]
    for claim in claims:
        lifecycle.hand_back(claim)
    assert taken(order(member)) == [False]


def test_jobs_beyond_the_running_limit_wait_and_others_pass(member: Member, stranger: Member) -> None:
    limit(member.caller, running_max=1)
    order(member, 3)
    other = factories.submit(stranger.caller)
    first = factories.claim()
    assert first.account_id == member.caller.account_id
    assert factories.claim().job_id == other.id
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    lifecycle.finish(first, factories.output(first))
    assert factories.claim().account_id == member.caller.account_id


def test_workers_who_claim_at_once_never_exceed_the_running_limit(member: Member) -> None:
    limit(member.caller, running_max=3)
    order(member, 24)
    together = threading.Barrier(8)

    def claim(number: int) -> list[Claim | None]:
        together.wait(30)
        return [lifecycle.claim(f"worker-{number}", factories.ENGINE) for _ in range(3)]

    with ThreadPoolExecutor(8) as workers:
        found = [claim for claims in workers.map(claim, range(8)) for claim in claims if claim]
    assert len(found) == 3


def test_models_and_engines_may_be_few(member: Member) -> None:
    limit(member.caller, models=["wavespeed-ai/infinitetalk"])
    [answer] = order(member)
    assert isinstance(answer, NotAllowed)
    limit(member.caller, models=None, engines=["gpu"])
    [answer] = order(member)
    assert isinstance(answer, NotAllowed)
    limit(member.caller, engines=["gpu", "preview"])
    assert taken(order(member)) == [True]


def test_a_refused_order_does_not_harm_its_neighbours(member: Member, stranger: Member) -> None:
    good = Wish(model=factories.MULTI, inputs=factories.form())
    bad = Wish(model=factories.MULTI, inputs=factories.form(order="sideways"))
    unstorable = Wish(model=factories.MULTI, inputs=factories.form(), webhook_url="https://example.com/\x00")
    unwritable = Wish(model=factories.MULTI, inputs=factories.form(prompt="\ud800"))
    asked = [(member.key, good, None), ("nonsense", good, None), (stranger.key, bad, None)]
    asked += [(stranger.key, wish, None) for wish in (unstorable, unwritable, good)]
    answers = submission.submit_together(asked)
    assert taken(answers) == [True, False, False, False, False, True]
    assert [type(answer).__name__ for answer in answers[1:3]] == ["NotAuthenticated", "WrongInput"]


def test_one_name_in_one_batch_makes_one_job(member: Member) -> None:
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    other = Wish(model=factories.MULTI, inputs=factories.form(prompt="another"))
    answers = submission.submit_together([(member.key, wish, "a"), (member.key, wish, "a"), (member.key, other, "a")])
    first, again, conflict = answers
    assert isinstance(first, Taken)
    assert isinstance(again, Taken)
    assert (first.is_new, again.is_new, first.job_id) == (True, False, again.job_id)
    assert type(conflict).__name__ == "Conflict"


def test_many_doors_at_once_take_each_name_once_and_keep_the_limit(member: Member) -> None:
    limit(member.caller, submits_per_minute=20)
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    names = [f"name {number % 30}" for number in range(120)]
    together = threading.Barrier(4)

    def door(number: int) -> list[Taken | Exception]:
        together.wait(30)
        return submission.submit_together([(member.key, wish, name) for name in names[number::4]])

    with ThreadPoolExecutor(4) as doors:
        answers = [answer for found in doors.map(door, range(4)) for answer in found]
    new = {answer.job_id for answer in answers if isinstance(answer, Taken) and answer.is_new}
    known = {answer.job_id for answer in answers if isinstance(answer, Taken)}
    assert len(new) == 20
    assert known == new


@pytest.mark.parametrize("scope", ["read", "manage"])
def test_a_key_without_the_right_orders_nothing(member: Member, scope: Scope) -> None:
    with database.transaction() as session:
        _, key = accounts.create_key(session, name="narrow", account="acme", scopes=[scope])
    [answer] = submission.submit_together([(key, Wish(model=factories.MULTI, inputs=factories.form()), None)])
    assert isinstance(answer, NotAllowed)


def test_an_account_whose_tally_is_kept_does_not_hold_up_the_orders_of_others(member: Member, stranger: Member) -> None:
    order(member)
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    asked = [(member.key, wish, None), (stranger.key, wish, None), (member.key, wish, None)]
    with kept(member.caller):
        answers = submission.submit_together(asked)

    assert taken(answers) == [False, True, False]
    assert isinstance(answers[0], Unavailable)
    assert taken(submission.submit_together(asked)) == [True] * 3


def test_an_account_whose_tally_is_kept_does_not_hold_up_claims_for_others(member: Member, stranger: Member) -> None:
    limit(member.caller, running_max=5)
    order(member, 2)
    order(stranger, 2)
    with kept(member.caller):
        found = claiming.claim_several("worker-1", factories.ENGINE, 4)
    assert [claim.account_id for claim in found] == [stranger.caller.account_id] * 2
    assert len(claiming.claim_several("worker-1", factories.ENGINE, 4)) == 2
