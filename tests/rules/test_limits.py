from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import CallerError, NoCredit, NotAllowed, TooMany
from jobs.rules import limits
from jobs.rules.limits import Recent, Terms


def asked(
    terms: Terms, price: str = "0.15", *, available: str = "1", month: str = "0", **seen: object
) -> CallerError | None:
    return limits.refusal(
        terms,
        Decimal(price),
        available_usd=Decimal(available),
        month_usd=Decimal(month),
        recent=seen.get("recent", Recent().at(100)),  # type: ignore[arg-type]
        waiting=seen.get("waiting", 0),  # type: ignore[arg-type]
    )


def test_without_terms_everything_is_taken() -> None:
    assert asked(Terms(), "1000", available="-5", month="1000000", waiting=10**6) is None


def test_a_prepaid_account_spends_its_last_cent_and_no_more() -> None:
    terms = Terms(is_prepaid=True)
    assert asked(terms, "0.15", available="0.15") is None
    refused = asked(terms, "0.15", available="0.149999")
    assert isinstance(refused, NoCredit)
    assert str(refused) == "This costs 0.15 USD and the account has 0.149999 USD; top it up."


def test_a_free_order_needs_no_credit() -> None:
    terms = Terms(is_prepaid=True, budget_hard_usd=Decimal(1))
    assert asked(terms, "0", available="-1", month="2") is None


def test_a_hard_budget_is_reached_to_the_cent() -> None:
    terms = Terms(budget_hard_usd=Decimal("1.5"))
    assert asked(terms, "0.15", month="1.35") is None
    assert isinstance(asked(terms, "0.15", month="1.36"), NoCredit)


def test_too_many_waiting_is_said_with_a_pause() -> None:
    refused = asked(Terms(waiting_max=3), waiting=3)
    assert isinstance(refused, TooMany)
    assert refused.retry_after_seconds
    assert asked(Terms(waiting_max=3), waiting=2) is None


def test_models_and_engines_not_allowed_are_named() -> None:
    terms = Terms(models=frozenset({"a", "b"}), engines=frozenset({"gpu"}))
    limits.check_allowed(terms, "a", "gpu")
    with pytest.raises(NotAllowed, match="may order a, b"):
        limits.check_allowed(terms, "c", "gpu")
    with pytest.raises(NotAllowed, match="it may on gpu"):
        limits.check_allowed(terms, "a", "cloud")


@given(st.integers(1, 6), st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_no_minute_ever_holds_more_than_allowed(most: int, pauses: list[float]) -> None:
    now, recent, taken = 1000.0, Recent(), []
    for pause in pauses:
        now += pause
        recent = recent.at(int(now))
        if recent.total < most:
            recent = recent.with_more(1)
            taken.append(now)
    assert all(sum(0 <= later - first < 60 for later in taken) <= most for first in taken)


@given(st.integers(1, 4), st.lists(st.integers(0, 20), min_size=1, max_size=40))
def test_whoever_comes_back_when_told_is_taken(most: int, pauses: list[int]) -> None:
    second, recent = 1000, Recent()
    for pause in pauses:
        second += pause
        recent = recent.at(second)
        if recent.total >= most:
            told = recent.pause_seconds(most)
            assert 0 < told <= limits.WINDOW_SECONDS
            assert recent.at(second + told).total < most
            assert recent.at(second + told - 1).total >= most
        else:
            recent = recent.with_more(1)


def test_a_clock_that_goes_back_forgets_nothing() -> None:
    recent = Recent().at(100).with_more(1)
    assert recent.at(90).total == 1
