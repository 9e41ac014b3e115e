"""How values are said on pages: moments, spans, money, counts; the filters of the templates."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from markupsafe import Markup

from jobs import clock
from jobs.rules.addresses import without_query

NOTHING: Final = "–"  # noqa: RUF001 - what stands for nothing in tables
_NOTHING: Final = Markup('<span class="none">{}</span>').format(NOTHING)
_KIB = 1024


def moment(at: datetime | None) -> Markup:
    """An instant, to the second, in UTC."""
    if at is None:
        return _NOTHING
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}")


def ago(at: datetime | None) -> Markup:
    """How long ago, or in how long; the instant itself on pointing at it."""
    if at is None:
        return _NOTHING
    seconds = (clock.now() - at).total_seconds()
    said = "just now" if abs(seconds) < 1 else f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}", said
    )


def span(seconds: float | None) -> str:
    """A length of time in its two largest units."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 10:  # noqa: PLR2004 - below it, tenths say something
        return f"{seconds:.1f} s"
    whole = round(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def usd(amount: Decimal | float | None) -> str:
    """Money: two places, more only where they say something."""
    if amount is None:
        return NOTHING
    exact = Decimal(str(amount))
    places = 2 if exact == round(exact, 2) else 4
    return f"{exact:,.{places}f}"


def count(number: float | None) -> str:
    """A whole number, with commas at thousands."""
    return NOTHING if number is None else f"{number:,.0f}"


def percent(ratio: float | None) -> str:
    """A share of one."""
    return NOTHING if ratio is None else f"{ratio * 100:.1f} %"


def size(length_bytes: int | None) -> str:
    """A number of bytes."""
    if length_bytes is None:
        return NOTHING
    amount = float(length_bytes)
    for unit in ("B", "KiB", "MiB"):
        if amount < _KIB:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _KIB
    return f"{amount:.1f} GiB"


def short(identifier: str) -> Markup:
    """An id by its last digits, which tell it apart from its neighbours; whole on pointing at it."""
    return Markup('<code title="{}">…{}</code>').format(identifier, identifier[-8:])


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "moment": moment,
    "ago": ago,
    "span": span,
    "usd": usd,
    "count_of": count,
    "percent": percent,
    "size": size,
    "short": short,
    "without_query": without_query,
}
