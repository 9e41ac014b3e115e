"""Shows what webhooks were told, try by try, and tells it again."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.caller import Manager, Reader
from api.v1 import endpoint_shapes as shapes
from api.v1 import forms, presenter
from api.v1.endpoint_shapes import DeliveryList, DeliveryPage, DeliveryShown, DeliveryTold, Status
from api.v1.jobs import JobId
from api.v1.webhooks import WebhookId
from jobs import ids, webhooks

router = APIRouter(prefix="/v1", tags=["Webhooks"])

PAGE_MAX = 100

DeliveryId = Annotated[str, Path(description="32 lower-case hex digits.")]


@router.get(
    "/webhooks/{webhook_id}/deliveries",
    summary="List an endpoint's deliveries",
    response_model=DeliveryPage,
    responses=presenter.documented(400, 404),
)
def page(
    caller: Manager,
    webhook_id: WebhookId,
    status: Annotated[Status | None, Query(description="Only these.")] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
) -> Response:
    """List what an endpoint was to be told, newest first."""
    older_than = forms.read_cursor(cursor)
    found = webhooks.deliveries(caller, ids.parse(webhook_id), status=status, older_than=older_than, limit=limit + 1)
    shown = found[:limit]
    more = forms.cursor_after(shown[-1].id) if len(found) > limit else None
    return presenter.respond(DeliveryPage(deliveries=[shapes.delivery(one) for one in shown], next_cursor=more))


@router.get(
    "/jobs/{job_id}/deliveries",
    summary="List a job's deliveries",
    response_model=DeliveryList,
    responses=presenter.documented(404),
)
def of_job(caller: Reader, job_id: JobId) -> Response:
    """List whom the end of a job was to be told: the URL it was ordered with, and endpoints."""
    found = webhooks.of_job(caller, ids.parse(job_id))
    return presenter.respond(DeliveryList(deliveries=[shapes.delivery(one) for one in found]))


@router.get(
    "/deliveries/{delivery_id}",
    summary="Show a delivery",
    response_model=DeliveryTold,
    responses=presenter.documented(404),
)
def show(caller: Reader, delivery_id: DeliveryId) -> Response:
    """Show one delivery: its request, and how every try ended."""
    return presenter.respond(shapes.entry(webhooks.entry(caller, ids.parse(delivery_id)), caller))


@router.post(
    "/deliveries/{delivery_id}/resend",
    status_code=202,
    summary="Send a delivery again",
    response_model=DeliveryShown,
    responses=presenter.documented(404, 409),
)
def resend(caller: Manager, delivery_id: DeliveryId) -> Response:
    """Post it once more, with the id it had, whatever became of it; refused where its endpoint is switched off."""
    return presenter.respond(shapes.delivery(webhooks.resend(caller, ids.parse(delivery_id))), 202)
