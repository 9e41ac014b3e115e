"""Tells the time, always in UTC; the one place that asks the machine for it."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
