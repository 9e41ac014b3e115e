"""Reads a small form the forgiving way of this face: null and empty texts are absent, keys nobody knows are dropped."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api import errors
from api.strict_json import read_object

Form = TypeVar("Form", bound=BaseModel)


def read(kind: type[Form], body: bytes) -> Form:
    """The form in `body`. Raises InvalidInput, MissingInput or WrongInput naming the field."""
    given: dict[str, Any] = {name: value for name, value in read_object(body).items() if value not in (None, "")}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise errors.from_pydantic(error) from None
