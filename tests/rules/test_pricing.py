from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from jobs.rules import pricing
from jobs.rules.catalog import MODELS

SINGLE, MULTI = MODELS["wavespeed-ai/infinitetalk"], MODELS["wavespeed-ai/infinitetalk/multi"]
FAST = MODELS["wavespeed-ai/infinitetalk-fast"]


@pytest.mark.parametrize(
    ("inputs", "tracks", "price"),
    [
        ({"resolution": "480p"}, {"audio": 60.0}, "1.80"),
        ({"resolution": "720p"}, {"audio": 60.0}, "3.60"),
        ({"resolution": "480p"}, {"audio": 3.2}, "0.15"),
        ({"resolution": "480p"}, {}, "0.15"),
        ({"resolution": "480p"}, {"audio": 700.0}, "18.00"),
    ],
)
def test_one_voice_costs_what_the_contract_says(
    inputs: dict[str, object], tracks: dict[str, float], price: str
) -> None:
    assert pricing.price_usd(SINGLE, inputs, tracks, 5) == Decimal(price)


@pytest.mark.parametrize(("order", "price"), [("left_right", "1.05"), ("right_left", "1.05"), ("meanwhile", "0.60")])
def test_two_voices_are_added_or_overlaid_as_they_speak(order: str, price: str) -> None:
    tracks = {"left_audio": 20.0, "right_audio": 14.2}
    assert pricing.price_usd(MULTI, {"order": order, "resolution": "480p"}, tracks, 5) == Decimal(price)


def test_a_fast_model_costs_half_and_knows_no_resolution() -> None:
    assert pricing.price_usd(FAST, {"resolution": "720p"}, {"audio": 10.0}, 5) == Decimal("0.15")


@given(seconds=some.floats(0, 600), longer=some.floats(0, 100))
def test_a_longer_voice_never_costs_less(seconds: float, longer: float) -> None:
    prices = [pricing.price_usd(SINGLE, {}, {"audio": length}, 5) for length in (seconds, seconds + longer)]
    assert prices == sorted(prices)


def test_the_formula_says_how_the_price_grows() -> None:
    assert pricing.formula(FAST, 5) == (
        '{"total_price": $max([5, $min([$ceil(get_duration_v3(audio)), 600])]) / 5 * base_price}'
    )
    assert pricing.formula(MULTI, 3) == (
        '{"total_price": $max([3, $min([(order = "meanwhile" '
        "? $max([$ceil(get_duration_v3(left_audio)), $ceil(get_duration_v3(right_audio))]) "
        ": $ceil(get_duration_v3(left_audio)) + $ceil(get_duration_v3(right_audio))), 600])]) "
        '/ 5 * base_price * (resolution = "720p" ? 2 : 1)}'
    )
