"""Months, and the ids drawn in them: a UUIDv7 begins with its moment, so that the ids of a month lie together."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime

from jobs.rules import moments

_MONTHS_A_YEAR = 12


def of_id(drawn: uuid.UUID) -> date:
    """First day of the month in which an id was drawn, by the clock of who drew it, in UTC."""
    return moments.of_id(drawn).date().replace(day=1)


def first_id(month: date) -> uuid.UUID:
    """No id drawn in `month` is smaller, and none drawn before it is as great."""
    return moments.first_id(datetime(month.year, month.month, 1, tzinfo=UTC))


def after(month: date, count: int = 1) -> date:
    """First day of the month `count` months later."""
    years, months = divmod(month.month - 1 + count, _MONTHS_A_YEAR)
    return date(month.year + years, months + 1, 1)


def between(first: date, last: date) -> Iterator[date]:
    """Every month from `first` to `last`, both included."""
    while first <= last:
        yield first
        first = after(first)
