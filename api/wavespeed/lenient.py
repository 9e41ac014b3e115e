"""Reads a small form the forgiving way of this face: null and empty texts are absent, keys nobody knows are dropped."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from api import errors, openapi
from api.strict_json import read_object

Form = TypeVar("Form", bound=BaseModel)


def read(kind: type[Form], body: bytes) -> Form:
    """The form in `body`. Raises InvalidInput, MissingInput or WrongInput naming the field."""
    given: dict[str, Any] = {name: value for name, value in read_object(body).items() if value not in (None, "")}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise errors.from_pydantic(error) from None


def schema(kind: type[BaseModel]) -> dict[str, Any]:
    """The form as the document describes it: what may be left out may be null."""
    found = kind.model_json_schema(ref_template=openapi.COMPONENT)
    for name, field in found["properties"].items():
        if name not in found.get("required", ()) and "type" in field:
            field["type"] = [*([field["type"]] if isinstance(field["type"], str) else field["type"]), "null"]
            if "enum" in field:
                field["enum"].append(None)
    return found
