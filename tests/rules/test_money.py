from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import money
from jobs.rules.money import Kind

AMOUNTS = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(10**6), places=6)


def test_every_kind_has_an_effect() -> None:
    assert set(money.EFFECTS) == set(Kind)


@given(AMOUNTS, AMOUNTS)
def test_what_is_held_comes_back_or_is_captured_to_the_last_digit(captured: Decimal, released: Decimal) -> None:
    steps = [(Kind.HOLD, captured + released), (Kind.CAPTURE, captured), (Kind.RELEASE, released)]
    effects = [money.effect_usd(kind, amount) for kind, amount in steps]
    assert sum(available for available, _ in effects) == -captured
    assert sum(held for _, held in effects) == 0
