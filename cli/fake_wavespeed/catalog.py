"""Lists the models, and hands out the secret webhooks are signed with."""

from starlette.requests import Request
from starlette.responses import Response

from cli.fake_wavespeed import envelope
from cli.fake_wavespeed.callers import account_of, world_of
from jobs.rules import pricing
from jobs.rules.catalog import MODELS, Model


async def models(request: Request) -> Response:
    """GET /api/v3/models: an array."""
    account_of(request)
    world = world_of(request)
    shown = [_entry(model, place, world.base_url) for place, model in enumerate(MODELS.values(), 1)]
    return envelope.ok(shown)


async def webhook_secret(request: Request) -> Response:
    """GET /api/v3/webhook/secret."""
    return envelope.ok({"secret": account_of(request).webhook_secret})


def _entry(model: Model, place: int, base_url: str) -> dict[str, object]:
    fields = [*model.media, "prompt", *(["resolution"] if model.has_resolution else []), "seed"]
    form = {
        "type": "object",
        "properties": {name: {"type": "integer" if name == "seed" else "string"} for name in fields},
        "required": list(model.required),
        "additionalProperties": False,
        "x-order-properties": fields,
    }
    run = {
        "type": "model_run",
        "method": "POST",
        "server": base_url,
        "api_path": f"/api/v3/{model.id}",
        "request_schema": form,
    }
    return {
        "model_id": model.id,
        "name": model.id,
        "base_price": float(model.base_price_usd),
        "description": model.description,
        "type": "digital-human",
        "sort_order": place,
        "formula": pricing.formula(model, pricing.UNIT_SECONDS),
        "api_schema": {"api_schemas": [run]},
    }
