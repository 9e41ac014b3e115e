"""How the fake's answers look: HTTP 200 with an envelope, or an error with its real status."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response


class Refusal(HTTPException):
    """An answer that is an error: its status, a sentence, and the task code or word that goes with it."""

    def __init__(self, status: int, message: str, error_code: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.error_code = error_code


def ok(content: object) -> Response:
    return JSONResponse({"code": 200, "message": "success", "data": content})


def refused(_: Request, error: Exception) -> Response:
    """The error in the contract's shape."""
    known = error if isinstance(error, HTTPException) else HTTPException(500)
    word = getattr(known, "error_code", "error")
    content = {"code": known.status_code, "message": known.detail, "data": None, "error_code": word}
    return JSONResponse(content, known.status_code, known.headers)


async def read_object(request: Request) -> dict[str, Any]:
    """The body's JSON object; nothing given is an empty one. Raises Refusal."""
    try:
        found = await request.json() if await read_body(request) else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal(400, "The body must be a JSON object.", "bad_request")
    return {name: value for name, value in found.items() if value is not None}


async def read_body(request: Request) -> bytes:
    """The whole body. Raises Refusal, for nobody, when the caller is gone before its end."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise Refusal(400, "The body broke off.", "bad_request") from None


def whole_number(form: dict[str, Any], name: str, smallest: int, largest: int) -> int:
    """A field of the body that must be there. Raises Refusal."""
    value = form.get(name)
    if type(value) is not int or not smallest <= value <= largest:
        raise Refusal(400, f"{name} is required: a whole number from {smallest} to {largest}.", "1401")
    return value
