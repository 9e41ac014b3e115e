"""The upstream telling us that a job of ours has ended: believed when signed and fresh, and only a hint even then.

How the job ended is asked of the upstream itself, so that a webhook that comes twice, late or never changes nothing.
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from api.v1 import presenter
from jobs import clock, lifecycle
from jobs.errors import InvalidInput, NotAuthenticated, NotFound
from jobs.lifecycle import Expected
from jobs.rules import markers, signatures, strict_json
from jobs.rules.signatures import Message

if TYPE_CHECKING:
    from api.gathering import Gathering

PREFIX = "/callbacks"
router = APIRouter(prefix=PREFIX, tags=["Callbacks"])

SKEW_SECONDS = 300
BODY_MAX_BYTES = 2**20
"""Of what tells of one prediction, whose inputs are links."""
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Callback:
    """A webhook as it came; whose it is, and whether it is the upstream's own, is not known yet."""

    try_id: uuid.UUID
    message: Message
    signature: str


@router.post(
    "/wavespeed/{try_id}",
    status_code=204,
    summary="Hear from the upstream",
    responses=presenter.documented(400, 404, 408, 413),
)
async def hear(
    request: Request,
    try_id: str,
    webhook_id: Annotated[str, Header()],
    webhook_timestamp: Annotated[str, Header()],
    webhook_signature: Annotated[str, Header()],
) -> Response:
    """The upstream's webhook for one try, signed with the secret of the key it was submitted with."""
    if not _NAME.fullmatch(webhook_id):
        raise InvalidInput("webhook-id must be the name of a prediction.", field="webhook-id")
    sent_at, known_id = _seconds(webhook_timestamp), _try_of(try_id)  # before anything is taken in
    message = Message(webhook_id, sent_at, await request.body())
    gathering: Gathering[Callback, None] = request.app.state.callbacks
    await gathering.ask(Callback(known_id, message, webhook_signature))
    return Response(status_code=204)


def hear_all(callbacks: Sequence[Callback]) -> list[Exception | None]:
    """Believe those that are signed, and write down together what they say; for each the error that is its own."""
    expected = lifecycle.expected({one.try_id for one in callbacks})
    refusals = [_why_not(one, expected.get(one.try_id)) for one in callbacks]
    believed = [one for one, refusal in zip(callbacks, refusals, strict=True) if refusal is None]
    names = {one.try_id: one.message.webhook_id for one in believed if _is_of_its_try(one, expected[one.try_id])}
    if names:
        lifecycle.told(names)
    return list(refusals)


def _why_not(callback: Callback, expected: Expected | None) -> Exception | None:
    """Why it is not believed."""
    if expected is None:
        return NotFound("There is no such callback.")
    if not expected.secret or not signatures.is_v3(expected.secret, callback.message, callback.signature):
        return NotAuthenticated("The signature is not the upstream's for this callback.")
    return None


def _is_of_its_try(callback: Callback, expected: Expected) -> bool:
    """Whether the upstream calls the try by this name, as we know or learn now.

    What is signed does not say where it was posted: one that tells of another try is somebody's recording.
    """
    if expected.upstream_id is None:
        is_anothers = markers.is_anothers(_inputs(callback.message.body), callback.try_id)
        return not is_anothers and lifecycle.discovered(callback.try_id, callback.message.webhook_id)
    return expected.upstream_id == callback.message.webhook_id


def _inputs(body: bytes) -> dict[str, Any]:
    """What the prediction was given, as far as the upstream says."""
    try:
        given = strict_json.read_object(body).get("input")
    except InvalidInput:
        return {}
    return given if isinstance(given, dict) else {}


def _try_of(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(hex=text)
    except ValueError:
        raise NotFound("There is no such callback.") from None


def _seconds(text: str) -> int:
    """The moment a webhook was signed for; one from another time is somebody's recording."""
    if not text.isascii() or not text.isdigit() or len(text) > 12:  # noqa: PLR2004 - far beyond any moment
        raise InvalidInput("webhook-timestamp must be Unix seconds.", field="webhook-timestamp")
    if abs(clock.now().timestamp() - int(text)) > SKEW_SECONDS:
        raise NotAuthenticated(f"The webhook is more than {SKEW_SECONDS} seconds old, or from a clock as wrong.")
    return int(text)
