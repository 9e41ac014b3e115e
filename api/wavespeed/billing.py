"""Says what an account has, and what was taken from it and given back for each prediction."""

import uuid
from collections.abc import Collection
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from api import openapi
from api.caller import Reader
from api.strict_json import RawBody
from api.wavespeed import envelope, lenient
from api.wavespeed.envelope import Reply
from api.wavespeed.moments import Since, Until
from jobs import billing, ids, ledger, settings
from jobs.billing import EntryFilter, Line
from jobs.database import transaction
from jobs.prediction import STATUSES, ShownStatus, instant
from jobs.rules.money import Kind
from jobs.rules.states import FINAL

PAGE_MAX = 10**6
PREDICTIONS_MAX = 1000

router = APIRouter(prefix="/api/v3", tags=["WaveSpeed money"])

BillingType = Literal["deduct", "refund"]

_KINDS: Final[dict[BillingType, Kind]] = {"deduct": Kind.HOLD, "refund": Kind.RELEASE}
"""What changes how much can be spent; a capture changes only what it was already deducted for."""

_TYPES: Final[dict[str, BillingType]] = {kind: name for name, kind in _KINDS.items()}


class Balance(BaseModel):
    """What can be spent."""

    balance: float = Field(description="USD; accounts without a limit are told a set number.")
    currency: Literal["USD"] = "USD"


class BillingForm(BaseModel):
    """Which entries to list."""

    page: int = Field(1, ge=1, le=PAGE_MAX)
    page_size: int = Field(10, ge=1, le=100)
    billing_type: BillingType | None = None
    start_time: Since
    end_time: Until
    model_uuid: str | None = Field(None, max_length=200, description="A model's id.")
    access_key_uuid: str | None = Field(None, max_length=200, description="As entries name it.")
    prediction_uuids: list[str] | None = Field(None, max_length=PREDICTIONS_MAX, description="Ids of predictions.")
    sort: Literal["created_at DESC", "created_at ASC"] = "created_at DESC"

    def filter(self) -> EntryFilter:
        return EntryFilter(
            kinds=_KINDS.values() if self.billing_type is None else [_KINDS[self.billing_type]],
            since=self.start_time,
            until=self.end_time,
            model=self.model_uuid,
            key_ids=None if self.access_key_uuid is None else _known([self.access_key_uuid]),
            job_ids=None if self.prediction_uuids is None else _known(self.prediction_uuids),
        )


class BilledPrediction(BaseModel):
    """What was paid for; `deleted` when there is nothing left of it but its id and its model."""

    uuid: str
    model_uuid: str
    status: ShownStatus | Literal["deleted"]


class BillingOrder(BaseModel):
    """How far the matter is: `pre` while the prediction goes on, then `done`."""

    uuid: str
    state: Literal["pre", "done"]
    price: float
    origin_price: float


class Billing(BaseModel):
    """One change of the balance by a prediction."""

    uuid: str
    billing_type: BillingType
    price: float = Field(description="USD, never negative; `refund` gives it back.")
    created_at: str
    access_key_name: str
    access_key_uuid: str
    order: BillingOrder
    prediction: BilledPrediction


class BillingPage(BaseModel):
    page: int
    has_more: bool
    items: list[Billing]


@router.get(
    "/account/balance", summary="Read the balance", response_model=Reply[Balance], responses=envelope.documented()
)
@router.get("/balance", summary="Read the balance", response_model=Reply[Balance], responses=envelope.documented())
def balance(caller: Reader) -> Response:
    """What the account can still spend."""
    if not caller.terms.is_prepaid:
        return envelope.reply(Balance(balance=settings.load().unlimited_balance_usd))
    with transaction() as session:
        found = ledger.balance(session, caller.account_id)
    return envelope.reply(Balance(balance=float(found.available_usd)))


@router.post(
    "/billings/search",
    summary="Search the bill",
    response_model=Reply[BillingPage],
    responses=envelope.documented(400, 408, 413),
    openapi_extra=openapi.json_body(lenient.schema(BillingForm)),
)
def search(caller: Reader, body: RawBody) -> Response:
    """List what predictions took from the balance and what was given back, newest first; all filters must hold.

    Money is taken when a prediction is submitted, taken or given back once its media are known, and given back if it
    does not complete: what was deducted less what was refunded is what was paid, or is held for those that go on.
    """
    form = lenient.read(BillingForm, body)
    found = billing.entries(
        caller,
        form.filter(),
        oldest_first=form.sort == "created_at ASC",
        skip=(form.page - 1) * form.page_size,
        limit=form.page_size + 1,
    )
    items = [_billing(line) for line in found[: form.page_size]]
    return envelope.reply(BillingPage(page=form.page, has_more=len(found) > form.page_size, items=items))


def _billing(line: Line) -> Billing:
    entry, status = line.entry, line.job_status
    prediction_id = entry.job_id.hex if entry.job_id else ""
    price = float(entry.amount_usd)
    is_over = status is None or status in FINAL
    return Billing(
        uuid=f"{entry.id:032x}",
        billing_type=_TYPES[entry.kind],
        price=price,
        created_at=instant(entry.at),
        access_key_name=line.key_name or "",
        access_key_uuid=entry.key_id.hex if entry.key_id else "",
        order=BillingOrder(uuid=prediction_id, state="done" if is_over else "pre", price=price, origin_price=price),
        prediction=BilledPrediction(
            uuid=prediction_id,
            model_uuid=entry.model or "",
            status="deleted" if status is None else STATUSES[status],
        ),
    )


def _known(named: Collection[str]) -> set[uuid.UUID]:
    """The ids among these; what is none names nothing."""
    return {found for text in named if (found := ids.parse(text)) is not None}
