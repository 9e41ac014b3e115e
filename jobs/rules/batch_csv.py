"""Makes a batch's line of a row of a table; knows which columns there are, and nothing of files."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jobs.errors import WrongInput
from jobs.rules.catalog import MODELS

_FORM: Final = ("prompt", "order", "resolution", "seed")
_NUMBERS: Final = {"seed": int, "priority": int, "duration_seconds": float}
_OPTIONS: Final = ("engine", "priority", "webhook", "duration_seconds", "tags")
_METADATA: Final = "metadata."
MEDIA: Final = tuple(dict.fromkeys(field for model in MODELS.values() for field in model.media))
COLUMNS: Final = ("custom_id", "model", *MEDIA, *_FORM, *_OPTIONS)


def check_columns(columns: Sequence[str]) -> None:
    """Raises WrongInput naming the column that nobody knows, or that stands there twice."""
    for place, column in enumerate(columns):
        if column not in COLUMNS and not column.startswith(_METADATA):
            known = f"{', '.join(COLUMNS)} and {_METADATA}NAME"
            raise WrongInput(f"There is no column {column!r}; there are {known}.", field=column)
        if column in columns[:place]:
            raise WrongInput(f"The column {column!r} is there twice.", field=column)


def line(row: Mapping[str, str | None], number: int, model: str | None = None) -> dict[str, Any]:
    """The line of a row, whose empty cells say nothing; `number` names it where it has no custom_id.

    Raises WrongInput for a number that is none, and for cells without a column.
    """
    said = {name: text.strip() for name, text in row.items() if isinstance(text, str) and text.strip()}
    if None in row:
        raise WrongInput(f"Row {number} has more cells than there are columns.")
    inputs = {name: _value(name, said[name], number) for name in (*MEDIA, *_FORM) if name in said}
    options = {name: _value(name, said[name], number) for name in _OPTIONS if name in said}
    metadata = {name.removeprefix(_METADATA): text for name, text in said.items() if name.startswith(_METADATA)}
    return {
        "custom_id": said.get("custom_id", f"row-{number}"),
        "model": said.get("model", model or ""),
        "inputs": inputs,
        "options": options | ({"metadata": metadata} if metadata else {}),
    }


def _value(name: str, text: str, number: int) -> object:
    if name == "tags":
        return text.split()
    if name not in _NUMBERS:
        return text
    try:
        return _NUMBERS[name](text)
    except ValueError:
        raise WrongInput(f"Row {number}: {name} must be a number, not {text[:50]!r}.", field=name) from None
