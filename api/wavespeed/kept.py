"""Lists the predictions an account has, and deletes those it wants no more."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from api import openapi
from api.caller import Reader, Submitter
from api.strict_json import RawBody
from api.wavespeed import envelope, lenient
from api.wavespeed.envelope import Prediction, Reply
from api.wavespeed.moments import Since, Until
from jobs import ids, listing, retention
from jobs.listing import Filter
from jobs.rules.states import State

PAGE_MAX = 10**6
IDS_MAX = 1000

router = APIRouter(prefix="/api/v3/predictions", tags=["WaveSpeed"])

_STATES: dict[str, tuple[State, ...]] = {
    "created": (State.WAITING,),
    "processing": (State.RUNNING, State.FORWARDED),
    "completed": (State.COMPLETED,),
    "failed": (State.FAILED, State.CANCELLED),
    # Words that clients may ask for and that no prediction of ours ever shows.
    "cancelled": (),
    "timeout": (),
    "deleted": (),
}


class ListForm(BaseModel):
    """Which predictions to list."""

    page: int = Field(ge=1, le=PAGE_MAX, description="1 is the newest.")
    page_size: int = Field(ge=1, le=100)
    model: str | None = Field(None, max_length=200)
    status: Literal["created", "processing", "completed", "failed", "cancelled", "timeout", "deleted"] | None = None
    created_after: Since
    created_before: Until
    include_inputs: bool = Field(default=False, description="Add `input`: the form each was ordered with.")

    def filter(self) -> Filter:
        return Filter(
            statuses=None if self.status is None else _STATES[self.status],
            model=self.model,
            created_after=self.created_after,
            created_before=self.created_before,
        )


class DeleteForm(BaseModel):
    """Which predictions to delete."""

    model_config = ConfigDict(strict=True)

    ids: list[str] = Field(max_length=IDS_MAX)


class PredictionPage(BaseModel):
    """Newest first; a page that is not full is the last."""

    page: int
    items: list[Prediction]


class Deleted(BaseModel):
    deleted_count: int = Field(description="How many of the ids were final predictions of this account.")


@router.post(
    "",
    summary="List predictions",
    response_model=Reply[PredictionPage],
    responses=envelope.documented(400, 408, 413),
    openapi_extra=openapi.json_body(lenient.schema(ListForm)),
)
def page(caller: Reader, body: RawBody) -> Response:
    """List the account's predictions, newest first; all filters must hold. Outputs are always links here."""
    form = lenient.read(ListForm, body)
    found = listing.jobs(caller, form.filter(), skip=(form.page - 1) * form.page_size, limit=form.page_size)
    items = [envelope.listed(job, with_input=form.include_inputs) for job in found]
    return envelope.reply(PredictionPage(page=form.page, items=items))


@router.post(
    "/delete",
    summary="Delete predictions",
    response_model=Reply[Deleted],
    responses=envelope.documented(400, 408, 413),
    openapi_extra=openapi.json_body(lenient.schema(DeleteForm)),
)
def delete(caller: Submitter, body: RawBody) -> Response:
    """Delete final predictions: they are 404 from now on, and their videos are removed soon after.

    Ids of predictions that are not final, are gone or are not the account's are passed over and not counted.
    """
    named = {job_id for text in lenient.read(DeleteForm, body).ids if (job_id := ids.parse(text)) is not None}
    return envelope.reply(Deleted(deleted_count=retention.delete_jobs(caller, named)))
