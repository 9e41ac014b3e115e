"""What each kind of ledger entry does to an account's money."""

from decimal import Decimal
from enum import StrEnum

NOTHING = Decimal(0)


class Kind(StrEnum):
    """Kinds of ledger entries."""

    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    TOPUP = "topup"
    ADJUST = "adjust"


EFFECTS: dict[Kind, tuple[int, int]] = {
    Kind.HOLD: (-1, +1),
    Kind.CAPTURE: (0, -1),
    Kind.RELEASE: (+1, -1),
    Kind.TOPUP: (+1, 0),
    Kind.ADJUST: (+1, 0),
}
"""By how many times the entry's amount each kind changes what is available and what is held."""


def effect_usd(kind: Kind, amount_usd: Decimal) -> tuple[Decimal, Decimal]:
    """The change of what is available and of what is held."""
    available, held = EFFECTS[kind]
    return available * amount_usd, held * amount_usd


def spent_usd(kind: Kind, amount_usd: Decimal) -> Decimal:
    """The change of what the month has come to in which it was held."""
    return {Kind.HOLD: amount_usd, Kind.RELEASE: -amount_usd}.get(kind, NOTHING)


def settled(price_usd: Decimal, held_usd: Decimal, *, is_charged: bool) -> tuple[Decimal, dict[Kind, Decimal]]:
    """What a job that becomes final costs its caller, and the entries that let go of all that was held for it."""
    captured_usd = min(price_usd, held_usd) if is_charged else NOTHING
    entries = {Kind.CAPTURE: captured_usd, Kind.RELEASE: held_usd - captured_usd}
    return captured_usd, {kind: amount_usd for kind, amount_usd in entries.items() if amount_usd}
