"""Reads a body as one clean JSON object; what is ambiguous, endless or cannot be stored is refused with a sentence."""

import json
import math
from typing import Annotated, Any, NoReturn

from fastapi import Depends
from starlette.requests import Request

from jobs.errors import InvalidInput, WrongInput

DEPTH_MAX = 32


async def _read(request: Request) -> bytes:
    return await request.body()


RawBody = Annotated[bytes, Depends(_read)]
"""The body, unread by the framework: a caller without a key never gets as far as having it parsed."""


def read_object(body: bytes) -> dict[str, Any]:
    """Read `body`. Raises InvalidInput, or WrongInput naming the field that holds something no database keeps."""
    try:
        found = json.loads(
            body.decode(), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant, parse_float=_finite
        )
    except UnicodeDecodeError:
        raise InvalidInput("The body must be JSON in UTF-8.") from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"The body is not JSON: {error}.") from None
    except ValueError:
        raise InvalidInput("The body holds a number with too many digits.") from None
    if not isinstance(found, dict):
        raise InvalidInput("The body must be a JSON object, such as {...}.")
    for name, value in found.items():
        _check(name, name)
        _check(name, value)
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InvalidInput("The body names the same key twice in one object.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput(f"The body is not JSON: {name} is not a JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InvalidInput("The body holds a number that is too large.")
    return number


def _check(field: str, value: object) -> None:
    """Look at every text below `value`; a loop, because the caller decides how deep it goes."""
    open_ends = [(value, 1)]
    while open_ends:
        part, depth = open_ends.pop()
        if depth > DEPTH_MAX:
            raise _too_deep()
        if isinstance(part, dict):
            open_ends += [(inner, depth + 1) for pair in part.items() for inner in pair]
        elif isinstance(part, list):
            open_ends += [(inner, depth + 1) for inner in part]
        elif isinstance(part, str) and not _is_storable(part):
            raise WrongInput(f"{_named(field)} holds a NUL or half a surrogate pair.", field=_named(field))


def _is_storable(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def _named(field: str) -> str:
    return field if _is_storable(field) else "A field name"


def _too_deep() -> InvalidInput:
    return InvalidInput(f"The body is nested too deeply: at most {DEPTH_MAX} levels are taken.")
