"""What a job costs its caller: whole seconds of video, at the model's price, twice that at 720p."""

import math
from collections.abc import Mapping
from decimal import Decimal

from jobs.rules.catalog import OUTPUT_MAX_SECONDS, Model

UNIT_SECONDS = 5
"""The catalog states its prices for so many seconds; a job pays for whole seconds, not for whole units."""


def price_usd(model: Model, inputs: Mapping[str, object], tracks: Mapping[str, float], minimum_seconds: int) -> Decimal:
    """Price of a job in USD, exact.

    `tracks` maps each audio field to its seconds, as far as they are known; with none known the least is paid.
    """
    seconds = billed_seconds(str(inputs.get("order", "meanwhile")), tracks, minimum_seconds)
    doubled = 2 if model.has_resolution and inputs.get("resolution") == "720p" else 1
    return seconds * model.base_price_usd * doubled / UNIT_SECONDS


def formula(model: Model, minimum_seconds: int) -> str:
    """The same price as a JSONata expression, which clients show and read the price's inputs off."""
    spoken = [f"$ceil(get_duration_v3({voice}))" for voice in model.voices]
    total = spoken[0]
    if model.is_duet:
        total = f'(order = "meanwhile" ? $max([{", ".join(spoken)}]) : {" + ".join(spoken)})'
    seconds = f"$max([{minimum_seconds}, $min([{total}, {OUTPUT_MAX_SECONDS}])])"
    doubled = ' * (resolution = "720p" ? 2 : 1)' if model.has_resolution else ""
    return f'{{"total_price": {seconds} / {UNIT_SECONDS} * base_price{doubled}}}'


def billed_seconds(order: str, tracks: Mapping[str, float], minimum_seconds: int) -> int:
    """Whole seconds that are paid for: each voice rounded up, one after the other where `order` says so."""
    whole = [math.ceil(round(seconds, 3)) for seconds in tracks.values()]  # counted in samples: 5.0000001 is 5
    total = max(whole, default=0) if order == "meanwhile" else sum(whole)
    return max(minimum_seconds, min(total, OUTPUT_MAX_SECONDS))
