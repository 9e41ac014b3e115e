"""What our own face takes and shows of webhook endpoints and of what they are told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.v1 import strict
from jobs import webhooks
from jobs.accounts import Caller
from jobs.rules.addresses import without_query
from jobs.rules.deliveries import KINDS
from jobs.tables import Delivery, Endpoint, Try
from jobs.webhooks.endpoints import DESCRIPTION_MAX_LETTERS, OVERLAP_MAX_SECONDS

CONCURRENCY_MAX = 256

Status = Literal["owed", "delivered", "given_up"]
Events = Annotated[list[str], Field(min_length=1, max_length=len(KINDS), description=f"Any of {', '.join(KINDS)}.")]
Description = Annotated[str, Field(max_length=DESCRIPTION_MAX_LETTERS, description="What you call it.")]
Concurrency = Annotated[
    int | None,
    Field(
        ge=1,
        le=CONCURRENCY_MAX,
        description="Most posts to it at once from each courier; null is the server's default.",
    ),
]


class EndpointForm(strict.StrictForm):
    """One endpoint."""

    url: str | None = Field(
        None, description="Where to post; without one you pull, as `duologue webhooks listen` does."
    )
    events: Events
    description: Description = ""
    concurrency: Concurrency = None


class EndpointChanges(strict.StrictForm):
    """What to change of an endpoint; what is left out stays."""

    url: str = Field("", description="Where to post from now on, what is owed included.")
    events: Events = Field(default_factory=list)
    description: Description = ""
    concurrency: Concurrency = None

    def given(self) -> dict[str, Any]:
        """What was named, by the names of the columns."""
        found = {name: getattr(self, name) for name in self.model_fields_set}
        return {"kinds" if name == "events" else name: value for name, value in found.items()}


class RotationForm(strict.StrictForm):
    """How to change a secret."""

    overlap_seconds: int = Field(
        86_400, ge=0, le=OVERLAP_MAX_SECONDS, description="How long the old secret signs too; 0 ends it now."
    )


class ReplayForm(strict.StrictForm):
    """What to tell again."""

    since: AwareDatetime = Field(strict=False, description="RFC 3339 with a time zone.")


class EndpointShown(BaseModel):
    """One endpoint, without its secret."""

    id: str
    url: str | None
    events: list[str]
    description: str
    concurrency: int | None
    status: Literal["active", "paused", "disabled"]
    disabled_reason: str | None = Field(description="Why we switched it off; resume it when that is mended.")
    former_secret_until: datetime | None = Field(description="Until when the secret before the last rotation signs.")
    created_at: datetime


class EndpointWithSecret(EndpointShown):
    """One endpoint, and what signs its deliveries."""

    secret: str = Field(description="`whsec_` and the key in base64, as Standard Webhooks has it.")


class EndpointList(BaseModel):
    """All of them, oldest first."""

    webhooks: list[EndpointShown]


class Secret(BaseModel):
    """What signs an endpoint's deliveries."""

    secret: str


class Replayed(BaseModel):
    count: int = Field(description="How many are owed again; at most 10,000 at once.")


class DeliveryShown(BaseModel):
    """One thing that somebody was to be told."""

    id: str
    event: str
    webhook: str | None = Field(description="The endpoint; null for the URL of one request.")
    job: str | None
    status: Status
    reason: str | None = Field(description="Why it is not delivered.")
    tries: int = Field(description="Since it was owed, or sent again.")
    created_at: datetime
    next_try_at: datetime | None = Field(description="Null once it is settled.")
    settled_at: datetime | None


class DeliveryPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    deliveries: list[DeliveryShown]
    next_cursor: str | None


class DeliveryList(BaseModel):
    """All of one job, oldest first; news of progress are left out."""

    deliveries: list[DeliveryShown]


class TryShown(BaseModel):
    """How one post went."""

    at: datetime
    took_ms: int
    status: int | None = Field(description="HTTP status; null where nobody answered.")
    error: str | None
    answer: str = Field(description="The first bytes of the answer, as text.")


class RequestShown(BaseModel):
    """The request as it would be posted now; links without their signature."""

    url: str | None = Field(description="Without its query for a key that may not `manage`.")
    headers: dict[str, str]
    body: Any


class DeliveryTold(DeliveryShown):
    """One delivery with every try and its request."""

    attempts: list[TryShown]
    request: RequestShown | None = Field(description="Null where there is nothing left to tell.")


def endpoint(found: Endpoint) -> EndpointShown:
    return EndpointShown(**_facts(found))


def with_secret(found: Endpoint) -> EndpointWithSecret:
    return EndpointWithSecret(**_facts(found), secret=found.secret)


def delivery(found: Delivery) -> DeliveryShown:
    return DeliveryShown(**_row(found))


def entry(found: webhooks.Entry, caller: Caller) -> DeliveryTold:
    """For whoever may not manage webhooks, without the query of its URL: that is a secret of many receivers."""
    url = found.url if found.url is None or "manage" in caller.scopes else without_query(found.url)
    request = RequestShown(url=url, headers=found.headers, body=found.body) if found.body is not None else None
    return DeliveryTold(**_row(found.delivery), attempts=_tries(found.tries), request=request)


def _facts(found: Endpoint) -> dict[str, Any]:
    return {
        "id": found.id.hex,
        "url": found.url,
        "events": found.kinds,
        "description": found.description,
        "concurrency": found.concurrency,
        "status": "disabled" if found.disabled_at else "paused" if found.paused_at else "active",
        "disabled_reason": found.disabled_reason or None,
        "former_secret_until": found.former_until,
        "created_at": found.created_at,
    }


def _row(found: Delivery) -> dict[str, Any]:
    return {
        "id": found.id.hex,
        "event": found.kind,
        "webhook": found.endpoint_id and found.endpoint_id.hex,
        "job": found.job_id and found.job_id.hex,
        "status": found.status,
        "reason": found.reason or None,
        "tries": found.tries,
        "created_at": found.created_at,
        "next_try_at": None if found.settled_at else found.due_at,
        "settled_at": found.settled_at,
    }


def _tries(found: Sequence[Try]) -> list[TryShown]:
    return [
        TryShown(at=one.at, took_ms=one.took_ms, status=one.status, error=one.error or None, answer=one.answer)
        for one in found
    ]
