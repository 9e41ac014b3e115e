"""What each kind of ledger entry does to an account's money."""

from decimal import Decimal
from enum import StrEnum


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
