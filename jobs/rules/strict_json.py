"""Reads a text as one clean JSON object; what is ambiguous, endless or cannot be stored is refused with a sentence."""

import json
import math
from typing import Any, NoReturn

from jobs.errors import InvalidInput, WrongInput

DEPTH_MAX = 32


def read_object(text: bytes, what: str = "The body") -> dict[str, Any]:
    """Read `text`, called `what` in every sentence.

    Raises InvalidInput, or WrongInput naming the field that holds something no database keeps.
    """
    found = _parsed(text, what)
    if not isinstance(found, dict):
        raise InvalidInput(f"{what} must be a JSON object, such as {{...}}.")
    # A NUL or half a surrogate can only come as an escape, and no text is deeper than it has brackets.
    if b"\\u" in text or text.count(b"{") + text.count(b"[") > DEPTH_MAX:
        for name, value in found.items():
            _check(name, name, what)
            _check(name, value, what)
    return found


def _parsed(text: bytes, what: str) -> object:
    try:
        return _DECODER.decode(text.decode())
    except UnicodeDecodeError:
        raise InvalidInput(f"{what} must be JSON in UTF-8.") from None
    except RecursionError:
        raise _too_deep(what) from None
    except _Refused as refused:
        raise InvalidInput(f"{what} {refused}.") from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{what} is not JSON: {error}.") from None
    except ValueError:
        raise InvalidInput(f"{what} holds a number with too many digits.") from None


class _Refused(Exception):
    """What is wrong with the text, as the rest of a sentence; never leaves this module."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Refused("names the same key twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise _Refused(f"is not JSON: {name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused("holds a number that is too large")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_without_doubles, parse_constant=_refuse_constant, parse_float=_finite)


def _check(field: str, value: object, what: str) -> None:
    """Look at every text below `value`; a loop, because the caller decides how deep it goes."""
    open_ends = [(value, 1)]
    while open_ends:
        part, depth = open_ends.pop()
        if depth > DEPTH_MAX:
            raise _too_deep(what)
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


def _too_deep(what: str) -> InvalidInput:
    return InvalidInput(f"{what} is nested too deeply: at most {DEPTH_MAX} levels are taken.")
