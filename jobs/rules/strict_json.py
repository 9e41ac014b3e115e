"""Reads a text as one clean JSON object; what is ambiguous, endless or cannot be stored is refused with a sentence."""

import json
import math
from itertools import chain
from typing import Any, Final, NoReturn

from jobs.errors import InvalidInput, WrongInput

DEPTH_MAX: Final = 32
VALUES_MAX: Final = 500_000
"""Values take far more memory than their letters; a thousand orders have fewer, even with prose full of commas."""
NAME_MAX_LETTERS: Final = 100
"""So much is repeated of a name that a caller made up: what is wrong with a line is kept, and shown many times."""


def read_object(text: bytes, what: str = "The body") -> dict[str, Any]:
    """Read `text`, called `what` in every sentence.

    Raises InvalidInput, or WrongInput naming the field that holds something no database keeps.
    """
    brackets = text.count(b"{") + text.count(b"[")
    # No text has more values than it has of these, and media in base64 have none of them.
    if brackets + text.count(b",") > VALUES_MAX:
        raise InvalidInput(f"{what} holds too many values: at most {VALUES_MAX} are taken; send fewer at a time.")
    found = _parsed(text, what)
    if not isinstance(found, dict):
        raise InvalidInput(f"{what} must be a JSON object, such as {{...}}.")
    # A NUL or half a surrogate can only come as an escape, and no text is deeper than it has brackets.
    if b"\\u" in text or brackets > DEPTH_MAX:
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
    levels = [chain([value])]
    while levels:
        for part in levels[-1]:
            if len(levels) > DEPTH_MAX:
                raise _too_deep(what)
            if isinstance(part, str) and not _is_storable(part):
                raise WrongInput(f"{_named(field)} holds a NUL or half a surrogate pair.", field=_named(field))
            if isinstance(part, dict | list):
                levels.append(chain(part, part.values()) if isinstance(part, dict) else chain(part))
                break
        else:
            levels.pop()


def _is_storable(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def _named(field: str) -> str:
    return field[:NAME_MAX_LETTERS] if _is_storable(field) else "A field name"


def _too_deep(what: str) -> InvalidInput:
    return InvalidInput(f"{what} is nested too deeply: at most {DEPTH_MAX} levels are taken.")
