"""What a caller asks for, checked and made into the row it will be; nothing is written here."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from jobs import dispatch, idempotency, ids, settings, telemetry
from jobs.accounts import Caller
from jobs.errors import NotFound, WrongInput
from jobs.rules import inputs, knobs, limits, pricing
from jobs.rules.catalog import MODELS, OUTPUT_MAX_SECONDS, Model
from jobs.rules.routing import Route
from jobs.tables import Json

PRIORITY_MAX = 100
TAGS_MAX = 20
TAG_MAX_LETTERS = 100


@dataclass(frozen=True)
class Wish:
    """What a caller asks for. Seconds left as None take the settings' default.

    `voice_seconds` is how long each voice is said to be: so much is held for the job until its media are read.
    """

    model: str
    inputs: Mapping[str, object]
    engine: str = "auto"
    priority: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    webhook_url: str | None = None
    wants_base64: bool = False
    wait_seconds: int | None = None
    run_seconds: int | None = None
    total_seconds: int | None = None
    voice_seconds: float | None = None
    knobs: Mapping[str, object] = field(default_factory=dict)
    traceparent: str | None = None
    """W3C trace context of the request; the same wish asked again may come with another."""

    def said(self) -> dict[str, object]:
        """What makes it this wish and no other."""
        return {name: value for name, value in vars(self).items() if name != "traceparent"}


@dataclass(frozen=True)
class Order:
    """One caller's wish, and the caller's own name for it if it was given one."""

    caller: Caller
    wish: Wish
    name: str | None = None


@dataclass(frozen=True)
class Draft:
    """An order that may be taken: the row as it will be written, what came inside the request, and its name.

    `row` has columns of `jobs`, and the deadlines as spans: they begin by Postgres' clock, which will judge them too.
    """

    caller: Caller
    row: Json
    price_usd: Decimal
    attachments: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    digest: bytes = b""

    @cached_property
    def job_id(self) -> uuid.UUID:
        return uuid.UUID(self.row["id"])


def draft(order: Order) -> Draft:
    """Check an order and write it out. Raises NotFound, NotAllowed, MissingInput and WrongInput naming the field."""
    caller, wish = order.caller, order.wish
    model = model_named(wish.model)
    cleaned = inputs.clean(model, wish.inputs)
    _check_extras(wish)
    tracks = _declared(model, wish.voice_seconds)
    turned = knobs.clean(model, wish.knobs, cleaned)
    wanted = knobs.only_gpu(turned, wish.engine, settings.load().engines)
    catalog_usd = price(model, cleaned, "cloud", tracks)
    route = dispatch.choose(caller.terms, wanted, catalog_usd, wish.voice_seconds)
    limits.check_allowed(caller.terms, model.id, route.engine)
    knobs.check_engine(turned, route.engine)
    if order.name is not None:
        idempotency.check(order.name)
    attachments = _detach_inline_media(model, cleaned)
    price_usd = Decimal(0) if route.engine == "preview" else catalog_usd  # as price() would say
    return Draft(
        caller=caller,
        row=_row(caller, wish, cleaned, route, price_usd) | {"options": turned},
        price_usd=price_usd,
        attachments=attachments,
        name=order.name,
        digest=idempotency.digest(wish.said()) if order.name is not None else b"",
    )


def price(model: Model, form: Mapping[str, object], engine: str, tracks: Mapping[str, float]) -> Decimal:
    """What a job costs on `engine`, in USD: previews are free."""
    if engine == "preview":
        return Decimal(0)
    return pricing.price_usd(model, form, tracks, settings.load().minimum_seconds)


def model_named(name: str) -> Model:
    """Raises NotFound."""
    model = MODELS.get(name)
    if model is None:
        raise NotFound(f"There is no model {name[:200]}; there are {', '.join(MODELS)}.", field="model")
    return model


def _check_extras(wish: Wish) -> None:
    if abs(wish.priority) > PRIORITY_MAX:
        raise WrongInput(f"priority must be from -{PRIORITY_MAX} to {PRIORITY_MAX}.", field="priority")
    if len(wish.tags) > TAGS_MAX or any(not 0 < len(tag) <= TAG_MAX_LETTERS or "\x00" in tag for tag in wish.tags):
        raise WrongInput(f"tags must be at most {TAGS_MAX} labels of 1 to {TAG_MAX_LETTERS} letters.", field="tags")
    if wish.voice_seconds is not None and not 0 < wish.voice_seconds <= OUTPUT_MAX_SECONDS:
        raise WrongInput(f"voice_seconds must be from 0 to {OUTPUT_MAX_SECONDS}.", field="voice_seconds")
    for name in ("wait_seconds", "run_seconds", "total_seconds"):
        span = getattr(wish, name)
        if span is not None and not 0 < span <= (longest := getattr(settings.load(), name)):
            raise WrongInput(f"{name} must be from 1 to {longest}.", field=name)


def _declared(model: Model, seconds: float | None) -> dict[str, float]:
    return {} if seconds is None else dict.fromkeys(model.voices, seconds)


def _detach_inline_media(model: Model, cleaned: dict[str, object]) -> dict[str, str]:
    """Take media that came inside the request out of the form: a row is read often, so no megabytes in it."""
    attachments = {}
    for name in model.media:
        value = cleaned.get(name)
        if isinstance(value, str) and inputs.is_inline(value):
            attachments[name] = value
            cleaned[name] = inputs.ATTACHMENT + name
    return attachments


def _row(caller: Caller, wish: Wish, cleaned: dict[str, object], route: Route, price_usd: Decimal) -> Json:
    chosen, asked_seed, job_id = settings.load(), cleaned["seed"], ids.new_id()
    return {
        "id": job_id.hex,
        "traceparent": telemetry.order(job_id, wish.traceparent),
        "account_id": caller.account_id.hex,
        "key_id": caller.key_id.hex,
        "model": wish.model,
        "inputs": cleaned,
        "seed": ids.new_seed() if asked_seed == -1 else asked_seed,
        "tags": list(wish.tags),
        "metadata": dict(wish.metadata),
        "webhook_url": wish.webhook_url,
        "wants_base64": wish.wants_base64,
        "engine_wanted": wish.engine,
        "engine": route.engine,
        "engine_reason": route.reason,
        "priority": wish.priority,
        "price_usd": str(price_usd),
        "wait_seconds": wish.wait_seconds or chosen.wait_seconds,
        "run_seconds": wish.run_seconds or chosen.run_seconds,
        "total_seconds": wish.total_seconds or chosen.total_seconds,
    }
