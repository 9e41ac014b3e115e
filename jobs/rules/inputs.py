"""Which model inputs are acceptable, and the one clean form they are kept in."""

import re
from collections.abc import Mapping

from jobs.errors import MissingInput, WrongInput
from jobs.rules.catalog import ORDERS, PROMPT_MAX_LETTERS, RESOLUTIONS, SEED_MAX, Model

URL_MAX_LETTERS = 8192
ATTACHMENT = "attachment:"
"""Stands in a clean form for media that came inside the request and is kept beside the row."""

# The text is stripped before: white space again at the end would make the match quadratic.
_BARE_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]+={0,2}")


def clean(model: Model, form: Mapping[str, object]) -> dict[str, object]:
    """Check a caller's form against `model` and fill in the defaults.

    Null means absent and unknown keys are dropped, as the contract has it. Raises MissingInput or WrongInput
    naming the field. Media stay as the caller wrote them; use `is_inline` to tell a link from the bytes themselves.
    """
    given = {name: value for name, value in form.items() if value is not None}
    cleaned: dict[str, object] = {}
    for field in model.media:
        if (value := _medium(field, given.get(field), required=field in model.required)) is not None:
            cleaned[field] = value
    cleaned["prompt"] = _prompt(given.get("prompt", ""))
    if model.is_duet:
        cleaned["order"] = _choice("order", given.get("order"), ORDERS)
    if model.has_resolution:
        cleaned["resolution"] = _choice("resolution", given.get("resolution"), RESOLUTIONS)
    cleaned["seed"] = _seed(given.get("seed", -1))
    return cleaned


def is_inline(value: str) -> bool:
    """Whether a media value carries the bytes themselves: a `data:` URI or bare base64."""
    return not _begins(value, "http://", "https://", ATTACHMENT)


def _medium(field: str, value: object, *, required: bool) -> str | None:
    if value is None or value == "":
        if required:
            raise MissingInput(f"{field} is required: give an http(s) URL, a data: URI or base64.", field=field)
        return None
    if not isinstance(value, str):
        raise WrongInput(f"{field} must be a string: an http(s) URL, a data: URI or base64.", field=field)
    text = value.strip()
    if _begins(text, "http://", "https://"):
        if len(text) > URL_MAX_LETTERS:
            raise WrongInput(f"{field} is a URL of more than {URL_MAX_LETTERS} letters.", field=field)
        return text
    if _begins(text, "data:") or _BARE_BASE64.fullmatch(text):
        return text
    raise WrongInput(f"{field} must be an http(s) URL, a data: URI or base64.", field=field)


def _begins(value: str, *beginnings: str) -> bool:
    """Whatever its case; media may be very long, so that no copy is made of all of it."""
    return value[: len(ATTACHMENT)].lower().startswith(beginnings)  # none is longer than that


def _prompt(value: object) -> str:
    if not isinstance(value, str):
        raise WrongInput("prompt must be a string.", field="prompt")
    if len(value) > PROMPT_MAX_LETTERS:
        raise WrongInput(f"prompt must have at most {PROMPT_MAX_LETTERS} letters.", field="prompt")
    if "\x00" in value:
        raise WrongInput("prompt must not hold NUL characters.", field="prompt")
    return value


def _choice(field: str, value: object, choices: tuple[str, ...]) -> str:
    """The first where nothing is chosen: forms send what was left empty as an empty text."""
    if value is None or value == "":
        return choices[0]
    if not isinstance(value, str) or value not in choices:
        raise WrongInput(f"{field} must be one of {', '.join(choices)}.", field=field)
    return value


def _seed(value: object) -> int:
    if value == "":  # as forms send what nobody filled in
        return -1
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value <= SEED_MAX:
        raise WrongInput(f"seed must be an integer from -1 to {SEED_MAX}.", field="seed")
    return value
