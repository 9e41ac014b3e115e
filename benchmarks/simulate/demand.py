"""Orders as callers send them: at random moments around a rate, with voices of very different lengths."""

import math
import random
from collections.abc import Callable, Iterator
from decimal import Decimal

from benchmarks.simulate.model import Order
from jobs.rules import catalog, pricing

MODEL = catalog.MODELS["wavespeed-ai/infinitetalk"]
LONGEST_SECONDS = 120.0


def orders(
    seed: int, hours: float, per_hour: Callable[[float], float], *, video_seconds: float, gpu_factor: float
) -> Iterator[Order]:
    """A Poisson stream whose rate may change by the hour; lengths are log-normal with this mean, half of it typical."""
    dice = random.Random(seed)  # noqa: S311 - the same demand for every park that is tried
    spread = 0.8
    middle = math.log(video_seconds) - spread**2 / 2
    at, fastest = 0.0, max(per_hour(hour) for hour in range(math.ceil(hours) + 1))
    while (at := at + dice.expovariate(fastest / 3600)) < hours * 3600:
        if dice.random() * fastest > per_hour(at / 3600):
            continue
        length = min(dice.lognormvariate(middle, spread), LONGEST_SECONDS)
        price = pricing.price_usd(MODEL, {"resolution": "480p"}, {"audio": length}, minimum_seconds=5)
        yield Order(at, length, length * gpu_factor, Decimal(price))
