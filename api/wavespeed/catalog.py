"""Tells which models there are: the contract's catalog entries, made from our one catalog."""

from typing import Any, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, RootModel
from starlette.responses import Response

from api.caller import Reader
from api.wavespeed import envelope, forms
from api.wavespeed.envelope import Reply
from jobs import settings
from jobs.rules import pricing
from jobs.rules.catalog import MODELS, Model

TYPE: Final = "digital-human"
"""What all our models are of."""

router = APIRouter(prefix="/api/v3", tags=["WaveSpeed"])


class RunSchema(BaseModel):
    """How one model is called."""

    type: Literal["model_run"] = "model_run"
    method: Literal["POST"] = "POST"
    server: str = Field(description="Our own base, without a trailing slash.")
    api_path: str
    request_schema: dict[str, Any] = Field(
        description="JSON Schema of the form; `x-order-properties` is the order to show it in."
    )


class ApiSchema(BaseModel):
    api_schemas: list[RunSchema]


class CatalogEntry(BaseModel):
    """One model."""

    model_id: str
    name: str = Field(description="The same as `model_id`.")
    base_price: float = Field(description="USD for five seconds of 480p.")
    description: str
    type: Literal["digital-human"] = TYPE
    sort_order: int
    formula: str = Field(description="The price as a JSONata expression.")
    api_schema: ApiSchema


class Catalog(RootModel[list[CatalogEntry]]):
    """Every model, in the order to show them in."""


@router.get(
    "/models",
    summary="List models",
    response_model=Reply[Catalog],
    responses=envelope.documented(),
)
def models(_: Reader) -> Response:
    """Every model, with its price and its form."""
    return envelope.reply(Catalog([_entry(model, place) for place, model in enumerate(MODELS.values(), 1)]))


def _entry(model: Model, place: int) -> CatalogEntry:
    chosen = settings.load()
    run = RunSchema(server=chosen.base_url, api_path=f"/api/v3/{model.id}", request_schema=_request_schema(model))
    return CatalogEntry(
        model_id=model.id,
        name=model.id,
        base_price=float(model.base_price_usd),
        description=model.description,
        sort_order=place,
        formula=pricing.formula(model, chosen.minimum_seconds),
        api_schema=ApiSchema(api_schemas=[run]),
    )


def _request_schema(model: Model) -> dict[str, Any]:
    form = forms.request_schema(model)
    properties = {name: _plain(field) for name, field in form["properties"].items()}
    return form | {
        "properties": properties,
        "additionalProperties": False,
        "x-order-properties": [*model.required, *(name for name in properties if name not in model.required)],
    }


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """The same without null: clients draw a form from this, and know one type a field."""
    kinds = field["type"]
    plain = field | {"type": kinds if isinstance(kinds, str) else kinds[0]}
    return plain | {"enum": [choice for choice in plain["enum"] if choice is not None]} if "enum" in plain else plain
