"""What a hundred thousand jobs an hour need, and whether the model that says so is to be believed.

`python -m benchmarks.simulate` plays the same orders to parks of different sizes; `--real` has real processes run
real jobs on this machine and holds the model's waits against theirs.
"""

import argparse
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from benchmarks.simulate import demand
from benchmarks.simulate.model import Fate, Order, Park, run
from jobs.rules.appraisal import Policy
from jobs.rules.tiers import TIERS

VIDEO_SECONDS: Final = 10.0
HOURS: Final = 2.0
RUSH: Final = (1.0, 1.25)
"""From which hour to which twice as many orders come."""
CLOUD_SECONDS_A_SECOND: Final = 15.0
"""What the house takes for the upstream's pace until it has measured it."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Plan for many jobs an hour.")
    parser.add_argument("--per-hour", type=float, default=100_000)
    parser.add_argument("--gpu-factor", type=float, default=10.0, help="seconds of a GPU for a second of video")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="hold the model against real processes on this machine")
    parser.add_argument("--jobs", type=int, default=40, help="how many real jobs")
    given = parser.parse_args()
    if given.real:
        from benchmarks.simulate import reality

        reality.compare(given.jobs, given.seed)
        return
    print(
        f"{given.per_hour:,.0f} jobs an hour, {VIDEO_SECONDS:.0f} s of video each on average, {given.gpu_factor:g} s of"
    )
    print("a GPU for a second of it; twice as many in the second hour's first quarter. Same orders for every row.")
    print(HEAD)
    for name, park in parks(given.per_hour, given.gpu_factor):
        print(row(name, park, list(run(orders(given.per_hour, given.gpu_factor, given.seed), park))))


def orders(per_hour: float, gpu_factor: float, seed: int) -> Iterator[Order]:
    """Steady but for a rush: twice the rate from an hour to a quarter past."""

    def rate(hour: float) -> float:
        return per_hour * (2 if RUSH[0] <= hour < RUSH[1] else 1)

    return demand.orders(seed, HOURS, rate, video_seconds=VIDEO_SECONDS, gpu_factor=gpu_factor)


def parks(per_hour: float, gpu_factor: float) -> Iterator[tuple[str, Park]]:
    """GPUs from too few to plenty, alone and with a cloud of as many ultra keys as a third of the jobs would take."""
    busy = per_hour / 3600 * VIDEO_SECONDS * gpu_factor
    tier = TIERS["ultra"]
    keys = math.ceil(per_hour / 3 / 3600 * VIDEO_SECONDS * CLOUD_SECONDS_A_SECOND / tier.at_once)
    for share in (0.8, 1.0, 1.2):
        gpus = round(busy * share)
        yield f"{share:.0%}", Park(gpus, policy=Policy(may_overflow=False))
        for budget in (None, Decimal(round(per_hour / 20))):
            said = "no limit" if budget is None else f"at most {budget:,} USD"
            yield (
                f"{share:.0%}, cloud, {said}",
                Park(
                    gpus,
                    keys * tier.at_once,
                    keys * tier.per_minute,
                    CLOUD_SECONDS_A_SECOND,
                    budget,
                    Policy(wait_seconds=600),
                ),
            )


HEAD: Final = (
    "| park | GPUs | p50 wait | p95 wait | longest | to the cloud | cloud USD | GPUs busy |\n" + "|---" * 8 + "|"
)


def row(name: str, park: Park, fates: list[Fate]) -> str:
    waits = sorted(fate.wait_seconds for fate in fates)
    cloud = [fate for fate in fates if fate.engine == "cloud"]
    end = HOURS * 3600
    busy = sum(min(fate.ended_at, end) - min(fate.begun_at, end) for fate in fates if fate.engine == "gpu")
    parts = [waits[int(len(waits) * part)] for part in (0.5, 0.95)]
    cells = [
        *(name, f"{park.gpus:,}", *(f"{wait:,.0f} s" for wait in parts), f"{waits[-1]:,.0f} s"),
        *(f"{len(cloud) / len(fates):.1%}", f"{sum(fate.order.price_usd for fate in cloud):,.0f}"),
        f"{busy / (park.gpus * end):.0%}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
