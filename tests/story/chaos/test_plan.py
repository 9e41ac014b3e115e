from collections import Counter

from tests.story.chaos.faults import BLOWS
from tests.story.chaos.plan import CANCELLED_WITHIN_SECONDS, MENU, OF_ANOTHER, PAYERS, VOICES_SECONDS, Plan, draw


def drawn(seed: int) -> Plan:
    return draw(seed, jobs=200, faults=30, minutes=4)


def test_a_seed_is_a_run() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_a_run_has_as_many_jobs_and_faults_as_were_asked_for() -> None:
    assert [(draw(1, jobs=jobs, faults=3, minutes=1).jobs) for jobs in (1, 2, 10, 200)] == [1, 2, 10, 200]
    assert len(drawn(1).faults) == 30


def test_every_fault_of_the_menu_strikes_and_those_who_hold_jobs_are_struck_twice() -> None:
    struck = Counter((fault.who, fault.how) for fault in drawn(1).faults)
    assert struck.keys() == set(MENU) == BLOWS.keys()
    assert struck["worker", "kill"] >= 2


def test_asks_are_about_earlier_ones_and_cancels_come_while_there_is_something_to_cancel() -> None:
    asks = drawn(3).asks
    assert [ask.number for ask in asks] == list(range(len(asks)))
    for ask in asks:
        assert (ask.of is not None) == (ask.kind in OF_ANOTHER)
        if ask.of is not None:
            assert (asks[ask.of].kind, asks[ask.of].payer) == ("fresh", ask.payer)
            delay = ask.at_seconds - asks[ask.of].at_seconds
            assert 0 < delay < (CANCELLED_WITHIN_SECONDS if ask.kind == "cancel" else 240)


def test_every_account_orders_every_length_for_money_and_for_nothing() -> None:
    ordered = {(ask.payer, ask.engine, ask.voice_seconds) for ask in drawn(1).asks if ask.kind == "fresh"}
    assert len(ordered) == PAYERS * 2 * len(VOICES_SECONDS)
