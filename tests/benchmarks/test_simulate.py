"""Promises about the model that plans for many machines: it agrees with what is known of queues by calculation."""

import math
import random
import statistics
from decimal import Decimal

from benchmarks.simulate.model import Order, Park, run
from jobs.rules.appraisal import Policy


def stream(count: int, per_second: float, mean_seconds: float, *, price: Decimal = Decimal(0)) -> list[Order]:
    """Arrivals and lengths without memory."""
    dice, at, made = random.Random(7), 0.0, []  # noqa: S311 - the same every time
    for _ in range(count):
        at += dice.expovariate(per_second)
        seconds = dice.expovariate(1 / mean_seconds)
        made.append(Order(at, seconds, seconds, price))
    return made


def erlang_c_wait(per_second: float, mean_seconds: float, slots: int) -> float:
    """Mean wait in a queue without memory, by Erlang's formula."""
    load = per_second * mean_seconds
    all_busy = load**slots / math.factorial(slots) * slots / (slots - load)
    none_waits = sum(load**busy / math.factorial(busy) for busy in range(slots))
    return all_busy / (none_waits + all_busy) * mean_seconds / (slots - load)


def test_waits_are_those_of_erlang_s_formula() -> None:
    orders = stream(30_000, per_second=0.6, mean_seconds=4.0)
    waits = [fate.wait_seconds for fate in run(orders, Park(gpus=4))]
    assert math.isclose(statistics.mean(waits), erlang_c_wait(0.6, 4.0, 4), rel_tol=0.1)


def test_no_slot_has_two_jobs_and_nobody_is_passed_over() -> None:
    fates = list(run(stream(2_000, per_second=1.2, mean_seconds=4.0), Park(gpus=4)))
    begun = [fate.begun_at for fate in fates]
    assert begun == sorted(begun)
    assert [fate.order.at for fate in fates] == sorted(fate.order.at for fate in fates)
    for fate in fates[::100]:
        assert sum(other.begun_at <= fate.begun_at < other.ended_at for other in fates) <= 4


def test_what_gpus_cannot_begin_in_time_goes_to_the_cloud_until_the_budget_is_spent() -> None:
    orders = stream(3_000, per_second=2.0, mean_seconds=4.0, price=Decimal(1))
    park = Park(4, 100, 6000, 1.0, Decimal(250), Policy(wait_seconds=30.0))
    fates = list(run(orders, park))
    cloud = [fate for fate in fates if fate.engine == "cloud"]
    assert len(cloud) == 250
    before = [fate for fate in fates if fate.engine == "gpu" and fate.order.at < max(one.order.at for one in cloud)]
    assert statistics.quantiles([fate.wait_seconds for fate in before], n=100)[94] < 60
    assert max(fate.wait_seconds for fate in fates) > 60, "without the cloud they wait in line"


def test_the_cloud_begins_no_more_a_minute_than_it_may() -> None:
    orders = stream(600, per_second=5.0, mean_seconds=1.0)
    begun = [fate.begun_at for fate in run(orders, Park(0, 1000, 60, 1.0))]
    assert all(later - earlier > 59.999 for earlier, later in zip(begun, begun[60:], strict=False))
