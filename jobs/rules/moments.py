"""Moments, and the ids drawn at them: a UUIDv7 begins with its moment, so that a span of time is a range of ids."""

import uuid
from datetime import UTC, datetime

_RANDOM_BITS = 80
_MOMENTS = 2**48
"""So many milliseconds an id can say, the first of them in 1970."""


def of_id(drawn: uuid.UUID) -> datetime:
    """When an id was drawn, by the clock of who drew it, in UTC."""
    return datetime.fromtimestamp((drawn.int >> _RANDOM_BITS) / 1000, UTC)


def first_id(moment: datetime) -> uuid.UUID:
    """No id drawn at `moment` or later is smaller, and none drawn before its millisecond is as great."""
    milliseconds = min(max(int(moment.timestamp() * 1000), 0), _MOMENTS - 1)
    return uuid.UUID(int=milliseconds << _RANDOM_BITS)
