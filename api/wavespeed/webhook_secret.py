"""Hands an account the secret its webhooks are signed with."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.caller import Manager
from api.wavespeed import envelope
from api.wavespeed.envelope import Reply
from jobs import accounts
from jobs.database import transaction

router = APIRouter(prefix="/api/v3/webhook", tags=["WaveSpeed"])


class WebhookSecret(BaseModel):
    """The key of the HMAC, after its prefix, as it stands: the letters themselves, not what they decode to."""

    secret: str = Field(description="`whsec_` and 44 letters.")


@router.get(
    "/secret",
    summary="Read the webhook secret",
    response_model=Reply[WebhookSecret],
    responses=envelope.documented(),
)
def secret(caller: Manager) -> Response:
    """One for the whole account; it stays the same."""
    with transaction() as session:
        drawn = accounts.webhook_secret(session, caller)
    answer = envelope.reply(WebhookSecret(secret=drawn))
    answer.headers["Cache-Control"] = "no-store"  # it opens what others sign
    return answer
