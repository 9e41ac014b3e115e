"""The life of a prediction: its media are reached, it is charged, waits for a slot, takes its time, and ends."""

import asyncio
from typing import Final

from cli.fake_wavespeed import films
from cli.fake_wavespeed.faults import FAILURES, ODD_ENDINGS
from cli.fake_wavespeed.media import Unreachable
from cli.fake_wavespeed.predictions import Prediction
from cli.fake_wavespeed.world import World
from jobs.rules import durations, pricing

DRAWN: Final = (
    *("webhook_lost", "webhook_doubled", "webhook_late", "webhook_forged"),
    *("never_ends", "ends_badly", "ends_oddly", "refund_late", "refund_lost"),
    *("output_missing", "output_late", "output_cut", "output_truncated", "output_slow", "output_whole"),
    *("list_lags", "cancel_ignored"),
)
"""The switches that are drawn when a prediction is taken, for all its life."""

_UNREACHABLE: Final = 1402
_LONGEST_SECONDS: Final = 600.0


async def live(world: World, prediction: Prediction) -> None:
    """Lead `prediction` from its submit to its end; whoever ends it before that is not contradicted."""
    try:
        tracks = await _tracks(world, prediction)
    except Unreachable as unreachable:
        return fail(world, prediction, _UNREACHABLE, f"{unreachable}.")
    if prediction.is_final:
        return None
    price_usd = pricing.price_usd(prediction.model, prediction.inputs, tracks, world.plan.minimum_seconds)
    world.bill.charge(prediction, price_usd)
    order = str(prediction.inputs.get("order", "meanwhile"))
    async with prediction.account.slots:
        if not prediction.is_final:
            await _render(world, prediction, min(durations.output_seconds(order, tracks), _LONGEST_SECONDS))
    return None


def end(world: World, prediction: Prediction, status: str) -> None:
    """Give `prediction` its final status; its webhook is told beside everything else."""
    if prediction.is_final:
        return
    prediction.status, prediction.ended_at = status, world.now()
    prediction.account.leave()
    prediction.ended.set()
    world.start(world.messenger.tell(prediction))


def fail(world: World, prediction: Prediction, code: int, error: str) -> None:
    """End it without a video; what it cost comes back unless a switch is against it."""
    if prediction.is_final:
        return
    prediction.code, prediction.error = code, error
    end(world, prediction, "failed")
    refund(world, prediction)


def refund(world: World, prediction: Prediction) -> None:
    """Give back what it cost, as the switches let it."""
    if "refund_lost" in prediction.faults:
        return
    late_seconds = world.plan.late_seconds if "refund_late" in prediction.faults else 0.0
    if late_seconds:
        asyncio.get_running_loop().call_later(late_seconds, world.bill.refund, prediction)
    else:
        world.bill.refund(prediction)


async def complete(world: World, prediction: Prediction, seconds: float) -> None:
    """End it with a video of so many seconds."""
    film = await asyncio.to_thread(films.shoot, seconds, prediction.id, world.plan.video_bytes)
    if prediction.is_final:
        return
    prediction.film = film
    prediction.outputs = [f"{world.base_url}/fake/outputs/{prediction.id}.mp4"]
    end(world, prediction, "completed")


async def _tracks(world: World, prediction: Prediction) -> dict[str, float]:
    if world.plan.fetches:
        return await world.fetcher.tracks(prediction.model.media, prediction.inputs)
    return dict.fromkeys(prediction.model.voices, world.plan.assumed_seconds)


async def _render(world: World, prediction: Prediction, seconds: float) -> None:
    prediction.status = "processing"
    took_seconds = seconds / world.plan.speed
    patience = None if "never_ends" in prediction.faults else took_seconds
    try:
        async with asyncio.timeout(patience):
            await prediction.ended.wait()
    except TimeoutError:
        prediction.inference_ms = round(took_seconds * 1000)
        await _finish(world, prediction, seconds)


async def _finish(world: World, prediction: Prediction, seconds: float) -> None:
    if "ends_badly" in prediction.faults:
        code = sorted(FAILURES)[prediction.faults["ends_badly"] % len(FAILURES)]
        fail(world, prediction, code, f"{FAILURES[code].capitalize()}.")
    elif "ends_oddly" in prediction.faults:
        _end_oddly(world, prediction, ODD_ENDINGS[prediction.faults["ends_oddly"] % len(ODD_ENDINGS)])
    else:
        await complete(world, prediction, seconds)


def _end_oddly(world: World, prediction: Prediction, status: str) -> None:
    """End without an output and without an error; only what claims to be completed is paid."""
    end(world, prediction, status)
    if status != "completed":
        refund(world, prediction)
