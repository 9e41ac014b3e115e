"""How fast an upstream key may be used: its tier's videos a minute and at once, and when the next may be submitted."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from jobs.errors import WrongSetting

MINUTE_SECONDS: Final = 60.0
SLACK_SECONDS: Final = 5.0
"""A submit may reach the upstream so much later than it was allowed; the minute is taken to be longer by that."""

_LATELY: Final = timedelta(hours=1)
_OWN_LIMITS: Final = re.compile(r"([1-9]\d{0,6})/([1-9]\d{0,6})", re.ASCII)


@dataclass(frozen=True)
class Tier:
    """The upstream's limits: submits beyond `per_minute` are refused, jobs beyond `at_once` wait there."""

    name: str
    per_minute: int
    at_once: int

    @property
    def burst(self) -> int:
        """How many submits may go at the same instant after a pause."""
        return max(1, self.per_minute // 10)

    @property
    def pause_seconds(self) -> float:
        """Time between submits in the long run: a burst and a minute at this pace are `per_minute` together."""
        return (MINUTE_SECONDS + SLACK_SECONDS) / max(1, self.per_minute - self.burst)


TIERS: Final = {
    tier.name: tier
    for tier in (
        Tier("bronze", 5, 3),
        Tier("silver", 60, 100),
        Tier("gold", 600, 2000),
        Tier("ultra", 5000, 5000),
    )
}


@dataclass(frozen=True)
class UpstreamKey:
    """A key of ours at the upstream. `name` says which without saying the key: it may stand in rows and logs."""

    name: str
    tier: Tier
    text: str = field(repr=False)


@dataclass(frozen=True)
class Standing:
    """How a key stands: jobs in flight, until when its pace is used up, until when the upstream wants no more of it."""

    key: str
    tier: Tier
    in_flight: int = 0
    paced_until: datetime | None = None
    closed_until: datetime | None = None


@dataclass(frozen=True)
class Allowance:
    """How many submits may go through a key now, and its `paced_until` once they have."""

    key: str
    count: int
    paced_until: datetime | None


def allow(standing: Standing, wanted: int, now: datetime) -> Allowance:
    """Allow as many of `wanted` submits as the tier has room for at `now`; they count as sent from here on."""
    tier, pause = standing.tier, timedelta(seconds=standing.tier.pause_seconds)
    paced_until = max(now, standing.paced_until or now)
    in_pace = (tier.burst * pause - (paced_until - now)) // pause
    is_closed = standing.closed_until is not None and standing.closed_until > now
    count = 0 if is_closed else max(0, min(wanted, in_pace, tier.at_once - standing.in_flight))
    return Allowance(standing.key, count, paced_until + count * pause if count else standing.paced_until)


def spread(standings: Iterable[Standing], wanted: int, now: datetime) -> tuple[Allowance, ...]:
    """Spread `wanted` submits over several keys, those with the most room in their tier first.

    A key that was closed lately comes last: one that takes nothing is always empty.
    """

    def place(one: Standing) -> tuple[bool, float, str]:
        was_closed = one.closed_until is not None and one.closed_until > now - _LATELY
        return was_closed, one.in_flight / one.tier.at_once, one.key

    given, left = [], wanted
    for standing in sorted(standings, key=place):
        allowance = allow(standing, left, now)
        given.append(allowance)
        left -= allowance.count
    return tuple(given)


def read_keys(text: str) -> tuple[UpstreamKey, ...]:
    """Read `KEY:TIER,KEY:TIER` into keys; a key without a tier is bronze, `KEY:600/2000` states limits of its own.

    Raises WrongSetting with a sentence in which no key stands.
    """
    keys = tuple(_read_key(number, part.strip()) for number, part in enumerate(text.split(","), 1) if part.strip())
    if len({key.name for key in keys}) < len(keys):
        raise WrongSetting("An upstream key is given twice; give each once, or its limits would be counted twice.")
    return keys


def key_name(text: str) -> str:
    """Name a key by the beginning of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _read_key(number: int, part: str) -> UpstreamKey:
    text, _, limits = part.partition(":")
    if not text.isascii() or not text.isprintable() or " " in text or not text:
        raise WrongSetting(f"Upstream key number {number} is empty or holds letters that no key has.")
    return UpstreamKey(key_name(text), _read_tier(number, limits.strip().lower() or "bronze"), text)


def _read_tier(number: int, text: str) -> Tier:
    if text in TIERS:
        return TIERS[text]
    if found := _OWN_LIMITS.fullmatch(text):
        return Tier(text, int(found[1]), int(found[2]))
    raise WrongSetting(
        f"The tier of upstream key number {number} is not known; write {', '.join(TIERS)} after the colon, "
        "or videos per minute and at once, as in 600/2000."
    )
