"""Moments, and the ids drawn at them: a UUIDv7 begins with its moment, so that a span of time is a range of ids."""

import uuid
from datetime import UTC, datetime

_RANDOM_BITS = 80
_MOMENTS = 2**48
"""So many milliseconds an id can say, the first of them in 1970."""
_CLOCKS_APART_SECONDS = 86_400
"""Ids are drawn by the clock of a door, `created_at` is Postgres': no two of ours are further apart."""


def of_id(drawn: uuid.UUID) -> datetime:
    """When an id was drawn, by the clock of who drew it, in UTC."""
    return datetime.fromtimestamp((drawn.int >> _RANDOM_BITS) / 1000, UTC)


def earliest_id(moment: datetime) -> uuid.UUID:
    """No row made at `moment` or later has a smaller id, whosever clock it was drawn by."""
    return first_id(moment, -_CLOCKS_APART_SECONDS)


def latest_id(moment: datetime) -> uuid.UUID:
    """No row made until `moment` has a greater id, whosever clock it was drawn by."""
    return first_id(moment, _CLOCKS_APART_SECONDS)


def first_id(moment: datetime, later_seconds: int = 0) -> uuid.UUID:
    """No id drawn so much later than `moment` is smaller, and none drawn before that millisecond is as great."""
    milliseconds = min(max(int((moment.timestamp() + later_seconds) * 1000), 0), _MOMENTS - 1)
    return uuid.UUID(int=milliseconds << _RANDOM_BITS)
