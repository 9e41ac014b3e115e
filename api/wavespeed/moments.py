"""Reads a moment however clients of this face write it: RFC 3339, a day or milliseconds since 1970; all in UTC."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

_MILLISECONDS_MIN = 10**11
"""1973: whatever is smaller counts seconds, or spells a day."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST_MOMENT = timedelta(days=1) - timedelta(microseconds=1)


def _read(value: object, *, is_end: bool) -> datetime:
    """The moment; a day is its first one or, as the end of a span, its last. Without a zone it is UTC."""
    with suppress(ValueError, OverflowError):
        found = _of_text(value.strip(), is_end=is_end) if isinstance(value, str) else _of_milliseconds(value)
        if found >= _EPOCH:
            return found
    raise PydanticCustomError("moment", "must be like 2026-01-31T12:00:00Z or 2026-01-31, or milliseconds since 1970")


def _of_milliseconds(count: object) -> datetime:
    if not isinstance(count, int) or count < _MILLISECONDS_MIN:
        raise ValueError(count)
    return datetime.fromtimestamp(count / 1000, UTC)


def _of_text(text: str, *, is_end: bool) -> datetime:
    if text.isdecimal() and int(text) >= _MILLISECONDS_MIN:
        return _of_milliseconds(int(text))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return datetime.combine(day, time(tzinfo=UTC)) + (_LAST_MOMENT if is_end else timedelta())


def _schema(said: str) -> dict[str, Any]:
    return {
        "type": ["string", "integer"],
        "description": f"RFC 3339, a day in UTC, or milliseconds since 1970; {said}.",
    }


Since = Annotated[
    datetime | None,
    Field(None),
    BeforeValidator(partial(_read, is_end=False)),
    WithJsonSchema(_schema("a day counts from its beginning")),
]
Until = Annotated[
    datetime | None,
    Field(None),
    BeforeValidator(partial(_read, is_end=True)),
    WithJsonSchema(_schema("a day counts to its end")),
]
