"""What an account may order: its terms, and whether one more order keeps to them."""

from dataclasses import dataclass
from decimal import Decimal

from jobs.errors import CallerError, NoCredit, NotAllowed, TooMany

WINDOW_SECONDS = 61
"""Whole seconds that are counted: one more than a minute, so that no minute between them holds too many."""

_WAITING_PAUSE_SECONDS = 10


@dataclass(frozen=True)
class Terms:
    """What an account is allowed; None is no limit."""

    is_prepaid: bool = False
    submits_per_minute: int | None = None
    running_max: int | None = None
    waiting_max: int | None = None
    models: frozenset[str] | None = None
    engines: frozenset[str] | None = None
    budget_soft_usd: Decimal | None = None
    budget_hard_usd: Decimal | None = None


@dataclass(frozen=True)
class Recent:
    """Orders taken lately: one count a second, the last one for the Unix second `until`."""

    counts: tuple[int, ...] = ()
    until: int = 0

    def at(self, second: int) -> "Recent":
        """The same, with the window moved on to `second`."""
        passed = max(second - self.until, 0)
        if passed >= WINDOW_SECONDS or not self.counts:
            return Recent((0,), second)
        return Recent((*self.counts, *[0] * passed)[-WINDOW_SECONDS:], self.until + passed)

    def with_more(self, count: int) -> "Recent":
        return Recent((*self.counts[:-1], self.counts[-1] + count), self.until)

    @property
    def total(self) -> int:
        return sum(self.counts)

    def pause_seconds(self, most: int) -> int:
        """How long until there are fewer than `most` in the window, if nothing is taken meanwhile."""
        left = self.total
        for place, count in enumerate(self.counts):
            left -= count
            if left < most:
                return WINDOW_SECONDS - len(self.counts) + place + 1
        return WINDOW_SECONDS


def check_allowed(terms: Terms, model: str, engine: str) -> None:
    """Raises NotAllowed for a model or an engine that the account may not use."""
    if terms.models is not None and model not in terms.models:
        raise NotAllowed(f"This account may not order {model}; it may order {_listed(terms.models)}.", field="model")
    if terms.engines is not None and engine not in terms.engines:
        allowed = _listed(terms.engines)
        raise NotAllowed(f"This account may not render on {engine}; it may on {allowed}.", field="engine")


def refusal(
    terms: Terms,
    price_usd: Decimal,
    *,
    available_usd: Decimal,
    month_usd: Decimal,
    recent: Recent,
    waiting: int,
    count: int = 1,
) -> CallerError | None:
    """Why `count` more orders, at this price together, are not taken; None when they are."""
    if terms.submits_per_minute is not None and recent.total + count > terms.submits_per_minute:
        return TooMany(
            f"This account may submit {terms.submits_per_minute} jobs a minute; polls are not counted.",
            retry_after_seconds=recent.pause_seconds(terms.submits_per_minute),
        )
    if terms.waiting_max is not None and waiting + count > terms.waiting_max:
        return TooMany(
            f"This account has {waiting} jobs waiting, and {terms.waiting_max} may; submit again when some have begun.",
            retry_after_seconds=_WAITING_PAUSE_SECONDS,
        )
    return unaffordable(terms, price_usd, available_usd=available_usd, month_usd=month_usd)


def unaffordable(terms: Terms, more_usd: Decimal, *, available_usd: Decimal, month_usd: Decimal) -> NoCredit | None:
    """Why so much more cannot be held; None when it can."""
    if not more_usd:
        return None
    if terms.is_prepaid and available_usd < more_usd:
        return NoCredit(f"This costs {_usd(more_usd)} and the account has {_usd(available_usd)}; top it up.")
    budget_usd = terms.budget_hard_usd
    if budget_usd is not None and month_usd + more_usd > budget_usd:
        return NoCredit(
            f"This costs {_usd(more_usd)}; {_usd(month_usd)} of this month's budget of {_usd(budget_usd)} are used."
        )
    return None


def _usd(amount: Decimal) -> str:
    return f"{amount.normalize():f} USD"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
