"""How our own face says and takes money: as JSON numbers of USD, exact to the sixth place."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

AMOUNT_MAX_USD = 10**9
"""Up to here a JSON number holds six places exactly."""

Usd = Annotated[Decimal, Field(strict=False, gt=0, le=AMOUNT_MAX_USD, decimal_places=6)]
"""An amount a caller gives, as a number or as text."""


def said(amount_usd: Decimal | None) -> float | None:
    """The amount as a JSON number; null stays null."""
    return None if amount_usd is None else float(amount_usd)
