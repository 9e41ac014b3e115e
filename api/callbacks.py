"""The upstream telling us that a job of ours has ended: believed when signed and fresh, and only a hint even then.

How the job ended is asked of the upstream itself, so that a webhook that comes twice, late or never changes nothing.
"""

import re
import uuid
from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.v1 import presenter
from jobs import clock, lifecycle
from jobs.errors import InvalidInput, NotAuthenticated, NotFound
from jobs.rules import signatures

router = APIRouter(prefix="/callbacks", tags=["Callbacks"])

SKEW_SECONDS = 300
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


@router.post(
    "/wavespeed/{try_id}",
    status_code=204,
    summary="Hear from the upstream",
    responses=presenter.documented(400, 404, 413),
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
    message = signatures.Message(webhook_id, _seconds(webhook_timestamp), await request.body())
    await run_in_threadpool(_hear, _try_of(try_id), message, webhook_signature)
    return Response(status_code=204)


def _hear(try_id: uuid.UUID, message: signatures.Message, signature: str) -> None:
    whose = lifecycle.whose(try_id)
    if whose is None:
        raise NotFound("There is no such callback.")
    if not whose.secret or not signatures.is_v3(whose.secret, message, signature):
        raise NotAuthenticated("The signature is not the upstream's for this callback.")
    lifecycle.told(try_id, message.webhook_id)


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
