from collections import Counter

from cli.fake_wavespeed.faults import SWITCHES
from tests.story.chaos.plan import VOICES_SECONDS
from tests.story.cloud.plan import CREW, PAYERS, RATES, Plan, draw


def drawn(seed: int) -> Plan:
    return draw(seed, jobs=500, kills=12, seconds=180)


def test_a_seed_is_a_run() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_a_run_has_as_many_jobs_and_kills_as_were_asked_for() -> None:
    assert [draw(1, jobs=jobs, kills=3, seconds=9).jobs for jobs in (1, 2, 30, 500)] == [1, 2, 30, 500]
    assert Counter(kill.who for kill in drawn(1).kills) == {who: 2 * CREW.count(who) for who in CREW}


def test_asks_are_about_earlier_ones_of_the_same_account() -> None:
    asks = drawn(3).asks
    assert [ask.number for ask in asks] == list(range(len(asks)))
    for ask in asks:
        assert (ask.of is None) == (ask.kind == "fresh")
        if ask.of is not None:
            assert (asks[ask.of].payer, ask.engine) == (ask.payer, "cloud")
            assert asks[ask.of].at_seconds <= ask.at_seconds


def test_every_account_orders_every_length() -> None:
    fresh = {(ask.payer, ask.voice_seconds) for ask in drawn(1).asks if ask.kind == "fresh"}
    assert len(fresh) == PAYERS * len(VOICES_SECONDS)


def test_four_seeds_hear_and_hand_over_in_every_way() -> None:
    assert len({(plan.has_callbacks, plan.inputs) for plan in map(drawn, range(1, 5))}) == 4
    assert RATES.keys() <= SWITCHES.keys()
