from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as some

from jobs.rules import turns
from jobs.rules.turns import Stand

weights = some.integers(1, 8)
waiting = some.integers(0, 12)
lasts = some.none() | some.integers(0, 40).map(float)


@some.composite
def queues(draw: some.DrawFn, most: int = 5) -> tuple[list[Stand], float]:
    """Accounts in any state that claims can bring them to: nobody's last turn is later than the present."""
    stands = [
        Stand(name, draw(weights), draw(lasts), draw(waiting)) for name in "abcde"[: draw(some.integers(1, most))]
    ]
    return stands, max((stand.turn for stand in stands if stand.turn is not None), default=0.0)


@given(queues())
def test_everything_in_line_gets_its_turn_once(queue: tuple[list[Stand], float]) -> None:
    stands, now = queue

    assert Counter(turns.order(stands, now)) == Counter({one.account: one.waiting for one in stands if one.waiting})


@given(some.lists(weights, min_size=2, max_size=5), some.integers(1, 200))
def test_those_who_always_have_jobs_share_by_weight(shares: list[int], many: int) -> None:
    stands = [Stand(f"account {number}", share, waiting=many) for number, share in enumerate(shares)]
    had = Counter(islice(turns.order(stands, 0.0), many))

    lead = [Fraction(had[stand.account], stand.weight) for stand in stands]
    assert max(lead) - min(lead) <= 1


@given(queues(4), weights, some.integers(1, 50_000))
def test_many_jobs_of_one_delay_the_only_job_of_another_by_one_at_most(
    queue: tuple[list[Stand], float], weight: int, many: int
) -> None:
    others, now = queue
    crowd = Stand("crowd", turn=now, waiting=many)
    newcomer = Stand("newcomer", weight, turn=None, waiting=1)
    served = list(islice(turns.order([*others, crowd, newcomer], now), 100))

    assert served[: served.index("newcomer")].count("crowd") == 0


@given(queues(), some.data())
def test_a_place_is_how_many_jobs_go_before_it(queue: tuple[list[Stand], float], data: some.DataObject) -> None:
    stands, now = queue
    mine = data.draw(some.sampled_from(stands))
    if not mine.waiting:
        return
    own = data.draw(some.integers(0, mine.waiting - 1))
    served = list(turns.order(stands, now))
    place = [index for index, account in enumerate(served) if account == mine.account][own]
    others = [stand for stand in stands if stand is not mine]

    # Turns are fractions in floating point: two that are the same on paper may be told apart.
    assert abs(turns.jobs_before(mine, own, others, now) - place) <= len(others)


def test_places_are_exact_where_turns_are() -> None:
    stands = [Stand("a", 1, 3.0, 4), Stand("b", 2, 3.5, 4), Stand("c", 1, None, 1)]
    served = list(turns.order(stands, 4.0))

    assert served == ["c", "a", "b", "b", "a", "b", "b", "a", "a"]
    for stand in stands:
        places = [index for index, account in enumerate(served) if account == stand.account]
        others = [other for other in stands if other is not stand]
        assert [turns.jobs_before(stand, own, others, 4.0) for own in range(stand.waiting)] == places


@given(some.lists(some.tuples(some.integers(0, 10**6), some.integers(-100, 100)), min_size=2, max_size=9))
def test_a_step_of_priority_is_worth_an_hour_of_waiting(jobs: list[tuple[int, int]]) -> None:
    """So nothing waits for ever: what is less urgent by so many steps goes first once it is so many hours older."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    line = sorted(jobs, key=lambda job: turns.in_line_since(began + timedelta(seconds=job[0]), job[1]))

    assert all(first[0] - 3600 * first[1] <= second[0] - 3600 * second[1] for first, second in pairwise(line))
