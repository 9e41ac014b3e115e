"""What operators type for an account's terms and money, read into what they mean; knows no database."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import typer

from jobs.rules.catalog import MODELS
from jobs.rules.routing import WISHES

NONE: Final = "none"
"""What clears a limit."""

AMOUNT_MAX_USD: Final = 10**6
_FAMILY: Final = "wavespeed-ai/"
_NAME_MAX_LETTERS: Final = 100
_COUNT_MAX: Final = 2**31 - 1


@dataclass(frozen=True)
class Limit:
    """A limit that was given; None is none, which is not the same as none given."""

    value: Any


def name(text: str) -> str:
    """What an account may be called."""
    if not text.strip() or not text.isprintable() or len(text) > _NAME_MAX_LETTERS:
        raise typer.BadParameter(f"a name has 1 to {_NAME_MAX_LETTERS} printable letters.")
    return text


def count(text: str) -> int:
    """A whole number of jobs."""
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= _COUNT_MAX):
        raise typer.BadParameter(f"{text} is not a whole number above 0, nor `{NONE}`.")
    return int(text)


def usd(text: str) -> Decimal:
    """An amount above nothing."""
    found = signed_usd(text)
    if found <= 0:
        raise typer.BadParameter(f"{text} is not above 0.")
    return found


def signed_usd(text: str) -> Decimal:
    """An amount, up or down, of at most six places."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text} is not an amount such as 12.50.") from None
    if not found.is_finite() or not 0 < abs(found) <= AMOUNT_MAX_USD or found != round(found, 6):
        raise typer.BadParameter(f"{text} is not an amount of at most {AMOUNT_MAX_USD} USD and six places, nor zero.")
    return found


def models(text: str) -> list[str]:
    """Models by their names, with or without the family."""
    return _listed(text, MODELS, lambda name: name if name in MODELS else _FAMILY + name)


def engines(text: str) -> list[str]:
    return _listed(text, [name for name in WISHES if name != "auto"], lambda name: name)


def limit(read: Callable[[str], object]) -> Callable[[str], Limit]:
    """What `read` makes of a text, and `none` for no limit."""
    return lambda text: Limit(None if text == NONE else read(text))


def _listed(text: str, choices: Collection[str], whole: Callable[[str], str]) -> list[str]:
    found = [whole(part.strip()) for part in text.split(",") if part.strip()]
    if not found or any(one not in choices for one in found):
        raise typer.BadParameter(f"{text}: write some of {', '.join(choices)}, with commas between, or `{NONE}`.")
    return sorted(set(found))
