"""What jobs cost us, as told apart from what they cost their callers."""

from decimal import Decimal

_HOUR_SECONDS = 3600
_EXACT = Decimal("0.000001")


def attempt_usd(engine: str, seconds: float, gpu_usd_per_hour: Decimal) -> Decimal:
    """Cost of holding a worker of `engine` for so long: only the owner's GPU has a rate."""
    if engine != "gpu" or seconds <= 0:
        return Decimal(0)
    return (gpu_usd_per_hour * Decimal(str(seconds)) / _HOUR_SECONDS).quantize(_EXACT)


def margin_usd(price_usd: Decimal, cost_usd: Decimal) -> Decimal:
    """What is left of a job's price; below nothing when it cost us more."""
    return price_usd - cost_usd
