"""Promises about what operators may change of an account."""

from decimal import Decimal

import pytest

from jobs import terms
from jobs.database import transaction
from jobs.errors import Conflict, NotFound
from jobs.rules.limits import Terms
from tests import paying
from tests.conftest import Member


def test_an_account_is_made_once(member: Member) -> None:
    with transaction() as session:
        assert terms.create(session, "new").is_prepaid is False
    with transaction() as session, pytest.raises(Conflict, match="acme already"):
        terms.create(session, "acme")


def test_an_account_that_nobody_made_is_not_found(member: Member) -> None:
    with transaction() as session, pytest.raises(NotFound, match="no account nobody"):
        terms.named(session, "nobody")


def test_what_is_not_named_stays_and_none_clears(member: Member) -> None:
    paying.change(member, {"running_max": 3, "models": ["m"], "budget_hard_usd": Decimal("1.5"), "is_prepaid": True})
    changed = paying.change(member, {"running_max": None, "waiting_max": 7})
    assert changed.caller.terms == Terms(
        is_prepaid=True, waiting_max=7, models=frozenset({"m"}), budget_hard_usd=Decimal("1.5")
    )
    assert paying.change(member, {}).caller.terms == changed.caller.terms
