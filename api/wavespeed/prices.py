"""Says what a run would cost before it is ordered; what is not known yet is priced as the least it can be."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from api import openapi
from api.caller import Reader
from api.strict_json import RawBody, read_object
from api.wavespeed import envelope
from api.wavespeed.envelope import Reply
from jobs import settings
from jobs.errors import MissingInput, NotFound, WrongInput
from jobs.rules import pricing
from jobs.rules.catalog import MODELS, ORDERS, RESOLUTIONS, Model

router = APIRouter(prefix="/api/v3/model", tags=["WaveSpeed"])


class Price(BaseModel):
    """What a run costs."""

    model_id: str
    price: float = Field(description="For the shortest video, as long as nobody has measured the voices.")
    discounted_price: float = Field(description="The same: there are no discounts.")
    discount_rate: float = 0
    currency: Literal["USD"] = "USD"


class UnitPrice(BaseModel):
    """What a run costs, in older words."""

    model_id: str
    unit_price: float
    currency: Literal["USD"] = "USD"


_FORM = openapi.json_body(
    {
        "title": "PriceForm",
        "type": "object",
        "properties": {
            "model_id": {"type": "string", "examples": list(MODELS)},
            "inputs": {"type": ["object", "null"], "description": "The model's form, as far as it is known."},
        },
        "required": ["model_id"],
    }
)


@router.post(
    "/price",
    summary="Quote a price",
    response_model=Reply[Price],
    responses=envelope.documented(400, 404, 408, 413),
    openapi_extra=_FORM,
)
def price(_: Reader, body: RawBody) -> Response:
    """Quote a run. The form may be partial or empty."""
    model, amount_usd = _quote(body)
    return envelope.reply(Price(model_id=model.id, price=amount_usd, discounted_price=amount_usd))


@router.post(
    "/pricing",
    summary="Quote a price, in older words",
    response_model=Reply[UnitPrice],
    responses=envelope.documented(400, 404, 408, 413),
    openapi_extra=_FORM,
)
def unit_price(_: Reader, body: RawBody) -> Response:
    """As `/api/v3/model/price`, which newer clients ask."""
    model, amount_usd = _quote(body)
    return envelope.reply(UnitPrice(model_id=model.id, unit_price=amount_usd))


def _quote(body: bytes) -> tuple[Model, float]:
    """The model and its price in USD. Voices are links here, and a quote fetches nothing: their length is not known."""
    form = read_object(body)
    model = _model(form.get("model_id"))
    inputs = _inputs(model, form.get("inputs"))
    least_usd = pricing.price_usd(model, inputs, {}, settings.load().minimum_seconds)
    # Of a run of which nothing is known the contract quotes the catalog's price, however short a video may be here.
    return model, float(least_usd if inputs else max(least_usd, model.base_price_usd))


def _model(name: object) -> Model:
    if name is None or name == "":
        raise MissingInput("model_id is required; /api/v3/models lists what there is.", field="model_id")
    if not isinstance(name, str):
        raise WrongInput("model_id must be a string.", field="model_id")
    if name not in MODELS:
        raise NotFound(f"There is no model {name[:200]}; /api/v3/models lists what there is.", field="model_id")
    return MODELS[name]


def _inputs(model: Model, value: object) -> dict[str, Any]:
    """What moves the model's price must be what a submit would take; the rest may be anything."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise WrongInput("inputs must be an object, such as {...}.", field="inputs")
    given = {name: field for name, field in value.items() if field not in (None, "")}
    for name, choices, is_known in (
        ("order", ORDERS, model.is_duet),
        ("resolution", RESOLUTIONS, model.has_resolution),
    ):
        if is_known and given.get(name, choices[0]) not in choices:
            raise WrongInput(f"inputs.{name} must be one of {', '.join(choices)}.", field=f"inputs.{name}")
    return given
