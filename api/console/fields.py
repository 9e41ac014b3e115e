"""What was typed into a form, read into what it means; each reader says in a sentence what is wrong with it."""

import uuid
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Query
from pydantic import AfterValidator
from starlette.datastructures import FormData
from starlette.requests import Request

from jobs import ids
from jobs.errors import InvalidInput, WrongInput

FIELDS_MAX: Final = 500
TEXT_MAX_LETTERS: Final = 500
FILTER_MAX_LETTERS: Final = 200
AMOUNT_MAX_USD: Final = 10**6
COUNT_MAX: Final = 2**31 - 1
ROW_MAX: Final = 2**63 - 1
DRAWN: Final = "drawn"
"""The field with an id that was drawn when a form was shown: sent twice, it is done once."""

_DIGITS_MAX = 20
_FORM = "application/x-www-form-urlencoded"
_Choice = TypeVar("_Choice", bound=str)


class Fields:
    """The fields of one form."""

    def __init__(self, form: FormData) -> None:
        self._form = form

    @property
    def is_confirmed(self) -> bool:
        """Whether the page that asks whether it is meant was answered."""
        return self._raw("confirmed") == "yes"

    def text(self, name: str, label: str, *, max_letters: int = TEXT_MAX_LETTERS, is_required: bool = True) -> str:
        """A line of text. Raises WrongInput."""
        found = self._raw(name).strip()
        if not found and is_required:
            raise WrongInput(f"{label} is missing.", field=name)
        if len(found) > max_letters or not found.isprintable():
            raise WrongInput(f"{label} may have {max_letters} printable letters.", field=name)
        return found

    def secret(self, name: str) -> str:
        """As it was typed, blanks and all."""
        return self._raw(name)

    def choice(self, name: str, label: str, choices: tuple[_Choice, ...]) -> _Choice:
        """One of `choices`. Raises WrongInput."""
        for choice in choices:
            if self._raw(name) == choice:
                return choice
        raise WrongInput(f"{label} is one of {', '.join(choices)}.", field=name)

    def choices(self, name: str, label: str, choices: tuple[_Choice, ...]) -> list[_Choice]:
        """Those of `choices` that were ticked, in their order. Raises WrongInput."""
        ticked = [value for value in self._form.getlist(name) if isinstance(value, str)]
        if unknown := set(ticked) - set(choices):
            raise WrongInput(f"{label}: {min(unknown)[:40]} is none of {', '.join(choices)}.", field=name)
        return [choice for choice in choices if choice in ticked]

    def drawn(self) -> uuid.UUID:
        """The id that was drawn when the form was shown. Raises WrongInput."""
        found = ids.parse(self._raw(DRAWN))
        if found is None:
            raise WrongInput("The form is not whole; go back and begin anew.", field=DRAWN)
        return found

    def is_ticked(self, name: str) -> bool:
        return bool(self._raw(name))

    def count(self, name: str, label: str, most: int = COUNT_MAX) -> int | None:
        """A whole number above zero, None for nothing. Raises WrongInput."""
        found = self._raw(name).strip()
        if not found:
            return None
        if not (found.isdecimal() and found.isascii() and len(found) <= _DIGITS_MAX and 0 < int(found) <= most):
            raise WrongInput(f"{label} is a whole number above 0, or nothing.", field=name)
        return int(found)

    def usd(self, name: str, label: str, *, is_signed: bool = False) -> Decimal | None:
        """An amount of at most six places, None for nothing. Raises WrongInput."""
        found = self._raw(name).strip()
        if not found:
            return None
        try:
            amount = Decimal(found[:40])
        except InvalidOperation:
            raise WrongInput(f"{label} is an amount such as 12.50.", field=name) from None
        if not amount.is_finite() or abs(amount) > AMOUNT_MAX_USD or amount != round(amount, 6):
            raise WrongInput(f"{label} is at most {AMOUNT_MAX_USD:,} USD, with six places.", field=name)
        if amount == 0 or (amount < 0 and not is_signed):
            raise WrongInput(f"{label} is {'not zero' if is_signed else 'above zero'}.", field=name)
        return amount

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Every field as it was sent."""
        return ((name, value) for name, value in self._form.multi_items() if isinstance(value, str))

    def _raw(self, name: str) -> str:
        value = self._form.get(name, "")
        return value if isinstance(value, str) else ""


async def _posted(request: Request) -> Fields:
    if not request.headers.get("Content-Type", _FORM).startswith(_FORM):
        raise InvalidInput(f"Forms are sent as {_FORM}.")
    return Fields(await request.form(max_fields=FIELDS_MAX, max_files=0))


Posted = Annotated[Fields, Depends(_posted)]
"""The form that came with a request."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has letters that cannot be shown")
    return text.strip()


Filter = Annotated[str, Query(max_length=FILTER_MAX_LETTERS), AfterValidator(_printable)]
"""A filter in the address: text, empty where there is none."""

Cursor = Annotated[str, Query(max_length=64, pattern="^[0-9a-f]*$")]
"""Where a page of a list begins: the last id of the page before, empty for the first."""


def row_before(cursor: str) -> int | None:
    """The row that a cursor names in a list whose ids are numbers; one past them all is the last there can be."""
    return min(int(cursor, 16), ROW_MAX) if cursor else None
