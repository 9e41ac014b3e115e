"""Lets an account say where it is told what, stop and go on with that, and change what it is signed with."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api import openapi
from api.caller import Manager
from api.strict_json import RawBody
from api.v1 import endpoint_shapes as shapes
from api.v1 import presenter, strict
from api.v1.endpoint_shapes import (
    DeliveryShown,
    EndpointChanges,
    EndpointForm,
    EndpointList,
    EndpointShown,
    EndpointWithSecret,
    Replayed,
    ReplayForm,
    RotationForm,
    Secret,
)
from jobs import ids, settings, webhooks

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])

WebhookId = Annotated[str, Path(description="32 lower-case hex digits.")]
_UNKEPT = {"Cache-Control": "no-store"}
"""Of answers that hold a secret."""


def _form(kind: type[strict.StrictForm]) -> dict[str, object]:
    return openapi.json_body(kind.model_json_schema(ref_template=openapi.COMPONENT))


@router.post(
    "",
    status_code=201,
    summary="Register an endpoint",
    response_model=EndpointWithSecret,
    responses=presenter.documented(400, 408, 409, 413),
    openapi_extra=_form(EndpointForm),
)
def register(caller: Manager, body: RawBody) -> Response:
    """Have what happens posted to a URL from now on, signed as Standard Webhooks has it."""
    form = strict.read(EndpointForm, body)
    made = webhooks.register(
        caller, url=form.url, kinds=form.events, description=form.description, concurrency=form.concurrency
    )
    place = {"Location": f"{settings.load().base_url}/v1/webhooks/{made.id.hex}"}
    return presenter.respond(shapes.with_secret(made), 201, place | _UNKEPT)


@router.get("", summary="List endpoints", response_model=EndpointList, responses=presenter.documented())
def page(caller: Manager) -> Response:
    """List the account's endpoints, oldest first."""
    found = [shapes.endpoint(one) for one in webhooks.endpoints(caller)]
    return presenter.respond(EndpointList(webhooks=found))


@router.get(
    "/{webhook_id}", summary="Show an endpoint", response_model=EndpointShown, responses=presenter.documented(404)
)
def show(caller: Manager, webhook_id: WebhookId) -> Response:
    """Show one endpoint and how it stands."""
    return presenter.respond(shapes.endpoint(webhooks.endpoint(caller, ids.parse(webhook_id))))


@router.patch(
    "/{webhook_id}",
    summary="Change an endpoint",
    response_model=EndpointShown,
    responses=presenter.documented(400, 404, 408, 413),
    openapi_extra=_form(EndpointChanges),
)
def change(caller: Manager, webhook_id: WebhookId, body: RawBody) -> Response:
    """Change what is named; what is owed goes to the new URL."""
    changes = strict.read(EndpointChanges, body).given()
    return presenter.respond(shapes.endpoint(webhooks.change(caller, ids.parse(webhook_id), changes)))


@router.delete("/{webhook_id}", status_code=204, summary="Delete an endpoint", responses=presenter.documented(404))
def delete(caller: Manager, webhook_id: WebhookId) -> Response:
    """Delete an endpoint and its log; what is owed to it is given up."""
    webhooks.remove(caller, ids.parse(webhook_id))
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/pause",
    summary="Pause an endpoint",
    response_model=EndpointShown,
    responses=presenter.documented(404),
)
def pause(caller: Manager, webhook_id: WebhookId) -> Response:
    """Hold back what is owed until it is resumed; doing so twice changes nothing."""
    return presenter.respond(shapes.endpoint(webhooks.pause(caller, ids.parse(webhook_id))))


@router.post(
    "/{webhook_id}/resume",
    summary="Resume an endpoint",
    response_model=EndpointShown,
    responses=presenter.documented(404),
)
def resume(caller: Manager, webhook_id: WebhookId) -> Response:
    """Post again to an endpoint that was paused, or that we switched off; `replay` brings what it missed."""
    return presenter.respond(shapes.endpoint(webhooks.resume(caller, ids.parse(webhook_id))))


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    summary="Test an endpoint",
    response_model=DeliveryShown,
    responses=presenter.documented(404, 409),
)
def test(caller: Manager, webhook_id: WebhookId) -> Response:
    """Post a `webhook.test`, once, whatever the endpoint subscribed to; the delivery's log tells how that went."""
    return presenter.respond(shapes.delivery(webhooks.test(caller, ids.parse(webhook_id))), 202)


@router.get(
    "/{webhook_id}/secret",
    summary="Read an endpoint's secret",
    response_model=Secret,
    responses=presenter.documented(404),
)
def secret(caller: Manager, webhook_id: WebhookId) -> Response:
    """Show what the endpoint's deliveries are signed with."""
    found = webhooks.endpoint(caller, ids.parse(webhook_id))
    return presenter.respond(Secret(secret=found.secret), headers=_UNKEPT)


@router.post(
    "/{webhook_id}/rotate",
    summary="Rotate an endpoint's secret",
    response_model=EndpointWithSecret,
    responses=presenter.documented(400, 404, 408, 409, 413),
    openapi_extra=_form(RotationForm),
)
def rotate(caller: Manager, webhook_id: WebhookId, body: RawBody) -> Response:
    """Draw a new secret; for a while deliveries carry both signatures, so that the receiver may change in its own time.

    Refused with 409 while the last rotation still overlaps, unless `overlap_seconds` is 0, which ends the old ones now.
    """
    form = strict.read(RotationForm, body)
    found = webhooks.rotate(caller, ids.parse(webhook_id), form.overlap_seconds)
    return presenter.respond(shapes.with_secret(found), headers=_UNKEPT)


@router.post(
    "/{webhook_id}/replay",
    summary="Replay what was given up",
    response_model=Replayed,
    responses=presenter.documented(400, 404, 408, 409, 413),
    openapi_extra=_form(ReplayForm),
)
def replay(caller: Manager, webhook_id: WebhookId, body: RawBody) -> Response:
    """Owe again what was given up and happened since then, with the ids it had."""
    form = strict.read(ReplayForm, body)
    return presenter.respond(Replayed(count=webhooks.replay(caller, ids.parse(webhook_id), form.since)))
