"""The one table from what went wrong to what is answered; each face then says it in its own shape."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from jobs.errors import (
    CallerError,
    InvalidInput,
    MissingInput,
    NotAuthenticated,
    NotFound,
    StorageError,
    TooLarge,
    TooSlow,
    Unavailable,
    WrongInput,
    WrongMethod,
)

STORAGE_RETRY_SECONDS = 5

MEANINGS: dict[int, str] = {
    400: "The request is not understood; the message names the field and the fix.",
    401: "No API key, an unknown one or a revoked one.",
    402: "The account cannot pay for this, or its budget is used up.",
    403: "The key, or its account, may not do this; the message says which.",
    404: "Nothing of that name, or nothing this account may know of.",
    408: "The body took too long to arrive; the connection is closed.",
    409: "The request contradicts what is already so; the message says what.",
    413: "The body or the file is over its limit.",
    429: "More than the account may have; the message says what, `Retry-After` when to come again.",
    500: "A fault of ours; the message names the request for whoever looks into it.",
    503: "Something we need is away for the moment; send the same request again after `Retry-After` seconds.",
}
"""What each status of an error means, for the documentation of every route."""

_OF_THE_FRAMEWORK: dict[int, CallerError] = {
    404: NotFound("There is no such model or endpoint; /docs lists what there is."),
    405: WrongMethod("This endpoint does not take that method; /docs lists what it takes."),
    413: TooLarge("The request is too large."),
}


@dataclass(frozen=True)
class Answer:
    """An error, ready to be said: `word` groups it, `task_code` is the contract's number where it has one."""

    status: int
    word: str
    message: str
    field: str | None = None
    task_code: int | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def answer_to(error: Exception) -> Answer:
    """What to answer to an error that we know by name; whatever is not in this table is a bug and crashes."""
    match error:
        case CallerError():
            return _of(error)
        case StorageError():
            sentence = "The bucket is away for the moment; send the same request again."
            return _of(Unavailable(sentence, retry_after_seconds=STORAGE_RETRY_SECONDS))
        case RequestValidationError():
            return _of(from_pydantic(error.errors()))
        case HTTPException():
            return _of(_OF_THE_FRAMEWORK.get(error.status_code) or InvalidInput(f"{error.detail}"), error.headers)
    raise error


def crashed(request_id: str) -> Answer:
    """What to answer when nobody knows what went wrong: nothing of it, but a name to ask for."""
    return Answer(500, "internal", f"Something went wrong on our side; if it goes on, report request {request_id}.")


def from_pydantic(problems: ValidationError | Sequence[Any]) -> InvalidInput:
    """Turn the first of pydantic's problems into our sentence about the field."""
    found = problems.errors(include_url=False) if isinstance(problems, ValidationError) else problems
    first = found[0]
    place = [str(part) for part in first["loc"]]
    name = ".".join(place[1:] if place[:1] in (["query"], ["header"], ["path"], ["body"]) else place)
    if first["type"] == "missing":
        return MissingInput(f"{name} is required.", field=name)
    if first["type"] == "extra_forbidden":
        return WrongInput(f"{name} is not known here; /docs lists what is.", field=name)
    return WrongInput(f"{name}: {first['msg'][0].lower()}{first['msg'][1:]}.", field=name)


def _of(error: CallerError, headers: Mapping[str, str] | None = None) -> Answer:
    said = dict(headers or {})
    if error.retry_after_seconds is not None:
        said["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, NotAuthenticated):
        said["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooSlow):
        said["Connection"] = "close"  # or the rest of the body would be waited for
    task_code = error.task_code if isinstance(error, InvalidInput) else None
    return Answer(error.status, error.code, str(error), error.field, task_code, said)
