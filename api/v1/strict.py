"""Reads a form the strict way of our own face: a field nobody knows is refused, and so is a value of another type."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from api import errors
from api.strict_json import read_object


class StrictForm(BaseModel):
    """What every form of this face is."""

    model_config = ConfigDict(strict=True, extra="forbid")


Form = TypeVar("Form", bound=StrictForm)


def read(kind: type[Form], body: bytes) -> Form:
    """The form in `body`. Raises InvalidInput, MissingInput or WrongInput naming the field."""
    try:
        return kind.model_validate(read_object(body))
    except ValidationError as error:
        raise errors.from_pydantic(error) from None
