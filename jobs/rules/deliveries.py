"""When a webhook is tried again, when its receiver is left in peace, and when both are given up; chance comes in.

A delivery has its tries; a receiver has a standing. One that is in trouble is shut for a while, and what is owed to it
waits without using up tries.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

KINDS: Final = {
    "job.completed": "A video is kept.",
    "job.failed": "A job has no video and is not tried again.",
    "job.cancelled": "A job was stopped on its owner's word.",
    "job.progress": "How far a running job is, now and then.",
    "batch.completed": "A batch is final: its jobs are, or its lines could not be taken.",
    "budget.reached": "An account has spent what it was to be told of.",
    "webhook.disabled": "Another endpoint of the account was switched off after days of failure.",
}
"""What endpoints may subscribe to."""

TEST: Final = "webhook.test"
FINAL_KINDS: Final = frozenset({"job.completed", "job.failed", "job.cancelled"})
ONCE: Final = frozenset({"job.progress", TEST})
"""What is tried a single time: the next one tells more, or somebody stands by."""

PAUSES_SECONDS: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Between the first try and the tenth: three days and three hours in all."""
TRIES_MAX: Final = len(PAUSES_SECONDS) + 1
TOLD_PAUSE_MAX_SECONDS: Final = 86_400.0
OWED_MAX_DAYS: Final = 5
"""Nothing is owed for longer, whatever shut receivers made it wait; as long may an endpoint fail before it is off."""
QUIET_MAX_DAYS: Final = 2
"""Failures further apart do not go on with each other: the longest pause between two tries is a day and a tenth."""

SHUT_AFTER_FAILURES: Final = 5
SHUT_FIRST_SECONDS: Final = 30.0
SHUT_MAX_SECONDS: Final = 900.0
SHUT_TOLD_MAX_SECONDS: Final = 3600.0

_GONE: Final = 410
_TOO_MANY: Final = 429
_TIMED_OUT: Final = 408
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Status(StrEnum):
    """How a delivery stands."""

    OWED = "owed"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Tried:
    """How one post went: `status` is None where nobody answered, and `error` then says why."""

    began_at: datetime
    ended_at: datetime
    status: int | None = None
    error: str = ""
    told_seconds: float | None = None
    is_permanent: bool = False

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's successes

    @property
    def is_trouble(self) -> bool:
        """Whether the receiver is at fault as a whole, not only with this one delivery."""
        if self.status is None:
            return True
        return self.status >= 500 or self.status in {_TIMED_OUT, _TOO_MANY}  # noqa: PLR2004 - HTTP's server errors


@dataclass(frozen=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True)
class Again:
    """Try again after so long."""

    pause_seconds: float


@dataclass(frozen=True)
class GiveUp:
    """Never try again by itself; `disables` says that its endpoint wants no more at all."""

    why: str
    disables: bool = False


@dataclass(frozen=True)
class Standing:
    """How a receiver has answered since it last took something; `failures` are those it is to blame for."""

    failures: int = 0
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    shut_until: datetime | None = None


def after_try(tried: Tried, kind: str, tries: int, chance: float) -> Delivered | Again | GiveUp:
    """Decide after the `tries`-th try; `chance` is drawn from 0 to 1 and spreads a pause by a tenth either way."""
    if tried.is_good:
        return Delivered()
    if tried.status == _GONE:
        return GiveUp("it answered 410: it wants no more webhooks", disables=True)
    if tried.is_permanent:
        return GiveUp(why(tried))
    if kind in ONCE:
        return GiveUp(f"{why(tried)}; {kind} is tried once only")
    if tries >= TRIES_MAX:
        return GiveUp(f"{why(tried)}; given up after {tries} tries")
    pause_seconds = PAUSES_SECONDS[tries - 1] * (0.9 + 0.2 * chance)
    return Again(max(pause_seconds, min(tried.told_seconds or 0.0, TOLD_PAUSE_MAX_SECONDS)))


def why(tried: Tried) -> str:
    """What went wrong, as the rest of a sentence."""
    if tried.status is None:
        return tried.error
    is_redirect = 300 <= tried.status < 400  # noqa: PLR2004 - HTTP's redirects
    return f"it answered {tried.status}" + (", and redirects are not followed" if is_redirect else "")


def after_failure(standing: Standing, tried: Tried, kind: str, chance: float) -> Standing:
    """How a receiver stands after it failed: shut after five failures in a row, longer each time, or as it told us.

    Posts that were on their way together fail together, and count once. A test begins no days of failure: nobody may
    have been meant to be there.
    """
    began_at = None if kind == TEST else tried.ended_at
    failing = replace(
        standing,
        failing_since=_failing_since(standing, tried) or began_at,
        failed_at=max(standing.failed_at or tried.ended_at, tried.ended_at),
    )
    if not tried.is_trouble:
        return failing
    is_new = standing.failures == 0 or standing.failed_at is None or tried.began_at >= standing.failed_at
    failures = standing.failures + is_new
    shut_seconds = min(tried.told_seconds or 0.0, SHUT_TOLD_MAX_SECONDS)
    if failures >= SHUT_AFTER_FAILURES and is_new:
        doubled = min(SHUT_FIRST_SECONDS * 2.0 ** min(failures - SHUT_AFTER_FAILURES, 20), SHUT_MAX_SECONDS)
        shut_seconds = max(shut_seconds, doubled * (0.5 + 0.5 * chance))
    shut_until = max(standing.shut_until or tried.ended_at, tried.ended_at + timedelta(seconds=shut_seconds))
    return replace(failing, failures=failures, shut_until=shut_until)


def _failing_since(standing: Standing, tried: Tried) -> datetime | None:
    """Since when it has failed without a success and without a long quiet."""
    if standing.failed_at is None or tried.ended_at - standing.failed_at > timedelta(days=QUIET_MAX_DAYS):
        return None
    return standing.failing_since


def is_hopeless(standing: Standing, now: datetime) -> bool:
    """Whether a receiver has failed for so long that nobody looks after it."""
    return standing.failing_since is not None and now - standing.failing_since >= timedelta(days=OWED_MAX_DAYS)


def told_seconds(retry_after: str | None, now: datetime) -> float | None:
    """What a `Retry-After` asks for, in seconds from `now`: a number or a date; None where it says neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the second of time zones without end
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def lane_of(account_id: uuid.UUID, url: str) -> uuid.UUID:
    """Names the receiver of a `?webhook=` URL: one per account, scheme, host and port, whatever the path."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:  # nobody can be called there, but whoever is just finishing the job must not fail for it
        return uuid.uuid5(account_id, url)
    return uuid.uuid5(account_id, f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}")
