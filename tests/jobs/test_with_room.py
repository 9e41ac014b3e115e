"""Orders that nothing speaks against are taken in one statement, which leaves what the rules would have left."""

import time
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import select, text, update

from jobs import database
from jobs.accounts import Caller
from jobs.rules.limits import Recent
from jobs.submission import Order, Taken, TallyIsKept, Wish, statement, taking, wishes
from jobs.submission.wishes import Draft
from jobs.tables import Account, LedgerEntry, Tally
from tests import factories
from tests.conftest import Member
from tests.paying import FLOOR_USD, kept, render_for_money

NOW = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS bigint)")
THIS_MONTH = text("SELECT CAST(date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') AS date)")
FULL_WINDOW = list(range(1, 62))
TWO = 2 * FLOOR_USD
PATIENCE_SECONDS = 2.0
"""How long one waits that is alone; a group may not."""

WITH_ROOM: dict[str, Mapping[str, Any]] = {
    "nothing is limited": {},
    "the credit is just enough": {"is_prepaid": True, "available_usd": TWO},
    "the hard budget is just enough": {"budget_hard_usd": TWO + 1, "month_usd": 1},
    "the budget of a month that is over": {"budget_hard_usd": TWO, "month_usd": 1, "is_next_month": True},
    "the soft budget was reached before": {"budget_soft_usd": 1, "month_usd": 1},
    "the soft budget is not reached": {"budget_soft_usd": 1 + TWO + FLOOR_USD, "month_usd": 1},
    "as many as may wait": {"waiting_max": 5, "waiting_most": 3},
    "as many as may come in a minute": {"submits_per_minute": 5, "submits": [1, 2], "ago": 1},
    "some in this second": {"submits": [4, 7], "ago": 0},
    "some seconds ago": {"submits": [4, 7], "ago": 5},
    "a full window": {"submits": FULL_WINDOW, "ago": 3},
    "a full window a second ago": {"submits": FULL_WINDOW, "ago": 1},
    "a window that is over": {"submits": FULL_WINDOW, "ago": 61},
    "the last second of a window": {"submits": FULL_WINDOW, "ago": 60},
    "a clock that went back": {"submits": [1, 2], "ago": -5},
}
TO_BE_JUDGED: dict[str, Mapping[str, Any]] = {
    "too little credit for both": {"is_prepaid": True, "available_usd": TWO - Decimal("0.01")},
    "a budget for one": {"budget_hard_usd": TWO + Decimal("0.99"), "month_usd": 1},
    "the soft budget is reached by them": {"budget_soft_usd": 1 + TWO, "month_usd": 1},
    "one more than may wait": {"waiting_max": 4, "waiting_most": 3},
    "one more than may come in a minute": {"submits_per_minute": 4, "submits": [1, 2], "ago": 1},
    "more than may come in a minute, the first of all": {"submits_per_minute": 1},
}


@pytest.fixture(autouse=True)
def _for_money(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    render_for_money(monkeypatch)


@pytest.mark.parametrize("standing", WITH_ROOM.values(), ids=WITH_ROOM.keys())
def test_what_is_taken_at_once_leaves_what_the_rules_would_have_left(
    member: Member, stranger: Member, standing: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (member, stranger):
        stand(each.caller, standing)
    before = tally(member.caller)
    assert_taken_at_once([draft(member.caller), draft(member.caller)])
    with monkeypatch.context() as patch:
        patch.setattr(taking, "_with_room", lambda drafts: [None] * len(drafts))
        judged = taking.take([draft(stranger.caller), draft(stranger.caller)])
    assert all(isinstance(one, Taken) for one in judged)
    ours, theirs = tally(member.caller), tally(stranger.caller)
    for column in ("available_usd", "held_usd", "month", "month_usd", "waiting_most"):
        assert getattr(ours, column) == getattr(theirs, column)
    assert recent(ours) == recent(before).at(ours.submits_until).with_more(2)
    assert entries(member.caller) == entries(stranger.caller) == [("hold", FLOOR_USD)] * 2


@pytest.mark.parametrize("standing", TO_BE_JUDGED.values(), ids=TO_BE_JUDGED.keys())
def test_where_the_rules_have_a_say_nothing_is_taken_and_nobody_else_is_kept(
    member: Member, stranger: Member, standing: Mapping[str, Any]
) -> None:
    stand(member.caller, standing)
    stand(stranger.caller)
    before = vars_of(tally(member.caller))
    others = draft(stranger.caller)
    _, to_be_judged = statement.write_with_room([draft(member.caller), others, draft(member.caller)])
    assert to_be_judged == {member.caller.account_id}
    assert vars_of(tally(member.caller)) == before
    assert entries(member.caller) == []
    assert entries(stranger.caller) == [("hold", FLOOR_USD)]


def test_a_name_that_was_used_before_is_looked_up_by_the_rules(member: Member) -> None:
    stand(member.caller)
    [first] = taking.take([draft(member.caller, "mine")])
    _, to_be_judged = statement.write_with_room([draft(member.caller, "mine"), draft(member.caller)])
    assert to_be_judged == {member.caller.account_id}
    again, other = taking.take([draft(member.caller, "mine"), draft(member.caller)])
    assert isinstance(first, Taken)
    assert isinstance(again, Taken)
    assert isinstance(other, Taken)
    assert (again.job_id, again.is_new, other.is_new) == (first.job_id, False, True)


def test_a_name_that_two_of_a_group_have_is_one_order(member: Member) -> None:
    stand(member.caller)
    first, again, other = taking.take([draft(member.caller, name) for name in ("mine", "mine", "other")])
    assert isinstance(first, Taken)
    assert isinstance(again, Taken)
    assert isinstance(other, Taken)
    assert first.job_id == again.job_id != other.job_id


def test_previews_cost_nothing_however_little_there_is(member: Member) -> None:
    stand(member.caller, {"is_prepaid": True, "available_usd": -1, "budget_hard_usd": 1, "month_usd": 2})
    assert_taken_at_once([draft(member.caller, engine="preview")])


def test_a_row_that_the_database_refuses_is_that_orders_error_alone(member: Member) -> None:
    stand(member.caller)
    bad = draft(member.caller)
    bad.row["seed"] = 2**70
    first, refused, last = taking.take([draft(member.caller), bad, draft(member.caller)])
    assert isinstance(first, Taken)
    assert isinstance(last, Taken)
    assert isinstance(refused, Exception)
    assert len(entries(member.caller)) == len([first, last])


def test_nobody_waits_for_the_account_of_another_that_somebody_keeps(member: Member, stranger: Member) -> None:
    for each in (member, stranger):
        stand(each.caller)
    with kept(member.caller):
        began_at = time.monotonic()
        ours, theirs = taking.take([draft(member.caller), draft(stranger.caller)])
        assert time.monotonic() - began_at < PATIENCE_SECONDS
    assert isinstance(ours, TallyIsKept)
    assert isinstance(theirs, Taken)
    assert isinstance(taking.take_one(draft(member.caller)), Taken)


def assert_taken_at_once(drafts: list[Draft]) -> None:
    _, to_be_judged = statement.write_with_room(drafts)
    assert to_be_judged == set()


def draft(caller: Caller, name: str | None = None, engine: str = "gpu") -> Draft:
    wish = Wish(model=factories.MULTI, inputs=factories.form(), engine=engine)
    return wishes.draft(Order(caller, wish, name))


def stand(caller: Caller, given: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Have the account stand so; `ago` seconds after its last order, maybe in the month after it."""
    of_account = {name: value for name, value in given.items() if hasattr(Account, name)}
    of_tally = {name: value for name, value in given.items() if hasattr(Tally, name)}
    with database.transaction() as session:
        until = session.scalars(NOW).one() - given.get("ago", 0)
        month = session.scalars(THIS_MONTH).one() - timedelta(days=31) * bool(given.get("is_next_month"))
        if of_account:
            session.execute(update(Account).where(Account.id == caller.account_id).values(**of_account))
        session.merge(Tally(account_id=caller.account_id, month=month, submits_until=until, **of_tally))


def tally(caller: Caller) -> Tally:
    with database.transaction() as session:
        return session.get_one(Tally, caller.account_id)


def vars_of(row: Tally) -> dict[str, object]:
    return {column.name: getattr(row, column.name) for column in Tally.__table__.columns}


def recent(row: Tally) -> Recent:
    return Recent(tuple(row.submits), row.submits_until)


def entries(caller: Caller) -> list[tuple[str, Decimal]]:
    with database.transaction() as session:
        found = select(LedgerEntry.kind, LedgerEntry.amount_usd).where(LedgerEntry.account_id == caller.account_id)
        return [(kind, amount) for kind, amount in session.execute(found)]
