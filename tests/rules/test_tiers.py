"""Promises about the pace of upstream keys: no minute sees more than its tier allows, however calls are delayed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import WrongSetting
from jobs.rules.tiers import SLACK_SECONDS, TIERS, Standing, Tier, allow, key_name, read_keys, spread

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = Tier("small", 20, 3)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@given(
    tier=st.sampled_from([TIERS["bronze"], TIERS["silver"], SMALL, Tier("1/1", 1, 100)]),
    asks=st.lists(st.tuples(st.floats(0, 40), st.integers(1, 30), st.floats(0, SLACK_SECONDS - 0.01)), max_size=60),
)
def test_no_minute_sees_more_than_the_tier_allows(tier: Tier, asks: list[tuple[float, int, float]]) -> None:
    moment, standing, arrivals = 0.0, Standing("key", Tier(tier.name, tier.per_minute, 10**6)), []
    for pause, wanted, delay in asks:
        moment += pause
        allowance = allow(standing, wanted, at(moment))
        standing = Standing("key", standing.tier, 0, allowance.paced_until)
        arrivals += [moment + delay] * allowance.count
    arrivals.sort()

    for number in range(len(arrivals) - tier.per_minute):
        assert arrivals[number + tier.per_minute] - arrivals[number] >= 60


def test_whoever_asks_all_the_time_gets_most_of_what_the_tier_allows() -> None:
    for tier in TIERS.values():
        standing, given_out = Standing("key", tier), 0
        for tick in range(3000):
            allowance = allow(standing, 10**6, at(tick / 10))
            standing = Standing("key", tier, 0, allowance.paced_until)
            given_out += allowance.count
        assert given_out >= 0.72 * tier.per_minute * 5


def test_after_a_pause_a_burst_goes_at_once() -> None:
    assert allow(Standing("key", TIERS["ultra"]), 10**6, NOW).count == 500
    assert allow(Standing("key", TIERS["bronze"], paced_until=at(-1000)), 10, NOW).count == 1


def test_no_more_are_in_flight_than_the_tier_runs_at_once() -> None:
    assert allow(Standing("key", TIERS["gold"], in_flight=1990), 50, NOW).count == 10
    assert allow(Standing("key", TIERS["gold"], in_flight=2000), 50, NOW).count == 0
    assert allow(Standing("key", TIERS["gold"], in_flight=2001), 50, NOW).count == 0


def test_a_key_the_upstream_wants_no_more_of_is_left_alone_until_then() -> None:
    standing = Standing("key", TIERS["gold"], closed_until=at(30))

    assert allow(standing, 5, at(29)).count == 0
    assert allow(standing, 5, at(30)).count == 5


def test_nothing_allowed_changes_nothing() -> None:
    standing = Standing("key", TIERS["silver"], in_flight=100, paced_until=at(7))

    assert allow(standing, 5, NOW).paced_until == at(7)


def test_several_keys_share_the_load_by_the_room_they_have() -> None:
    full = Standing("a", TIERS["silver"], in_flight=90)
    free = Standing("b", TIERS["gold"], in_flight=200)
    given_out = {one.key: one.count for one in spread([full, free], 70, NOW)}

    assert given_out == {"b": 60, "a": 6}


def test_a_key_that_was_closed_lately_is_used_for_what_the_others_have_no_room_for() -> None:
    dead = Standing("a", TIERS["silver"], closed_until=at(-1))
    busy = Standing("b", TIERS["silver"], in_flight=90)

    assert [(one.key, one.count) for one in spread([dead, busy], 8, NOW)] == [("b", 6), ("a", 2)]
    assert next(iter(spread([dead, busy], 8, at(3600)))).key == "a"


def test_keys_are_read_with_their_tiers() -> None:
    one, two, three = read_keys(" first:ultra, second ,third:600/2000")

    assert (one.text, one.tier, one.name) == ("first", TIERS["ultra"], key_name("first"))
    assert two.tier == TIERS["bronze"]
    assert (three.tier.per_minute, three.tier.at_once) == (600, 2000)
    assert read_keys("") == ()


def test_a_key_is_not_shown() -> None:
    (key,) = read_keys("hush-hush:gold")

    assert "hush" not in repr(key)
    assert "hush" not in key.name


@pytest.mark.parametrize(
    "text", ["hush-hush:platinum", "hush-hush:0/5", "hush hush", ":gold", "hush-hush,hush-hush:gold"]
)
def test_what_is_no_key_is_told_without_showing_it(text: str) -> None:
    with pytest.raises(WrongSetting) as told:
        read_keys(text)

    assert "hush" not in str(told.value)
