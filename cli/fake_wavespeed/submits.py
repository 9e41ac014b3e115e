"""Takes predictions: once key, limits and form are checked one is there, whatever becomes of the answer."""

import asyncio
import base64
import re
from typing import Any, Final
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from cli.fake_wavespeed import door, envelope, lives
from cli.fake_wavespeed.accounts import Account
from cli.fake_wavespeed.callers import account_of, world_of
from cli.fake_wavespeed.envelope import Refusal
from cli.fake_wavespeed.predictions import Prediction, shape
from cli.fake_wavespeed.world import World
from jobs.errors import InvalidInput
from jobs.rules import inputs, pricing
from jobs.rules.catalog import MODELS, Model

_WEBHOOK: Final = re.compile(r"(?:^|&)webhook=(.*)", re.DOTALL)
_SPOILED: Final = ("submit_fails_late", "reply_dropped", "reply_hangs", "reply_garbled")
_SYNC_OVER: Final = 5004


async def submit(request: Request) -> Response:
    """POST /api/v3/{model}."""
    world, account = world_of(request), account_of(request)
    model = _model(request.path_params["model"])
    form = await envelope.read_object(request)
    webhook = _webhook(request) or form.get("webhook_url")
    if webhook and form.get("enable_base64_output"):
        return JSONResponse({"error": "enable_base64_output cannot be combined with a webhook"}, 400)
    cleaned = _cleaned(model, form)
    _charge_the_limits(world, account, model, cleaned)
    prediction = _take(world, account, model, cleaned, webhook, wants_base64=bool(form.get("enable_base64_output")))
    if fault := world.faults.first_of(*_SPOILED):
        world.calls.note("submit", fault)
        return _Spoiled(world, fault)
    world.calls.note("submit", "taken")
    if form.get("enable_sync_mode"):
        return await _at_the_end(world, prediction)
    return envelope.ok(shape(prediction, world.base_url))


def with_base64(world: World, prediction: Prediction) -> dict[str, object]:
    """The prediction, its outputs as base64 where that was asked for."""
    shown = shape(prediction, world.base_url)
    if prediction.wants_base64 and prediction.film is not None:
        film = prediction.film
        shown["outputs"] = [base64.b64encode(b"".join(film.pieces(0, film.size_bytes))).decode()]
    return shown


class _Spoiled(Response):
    """An answer that does not tell that the prediction was taken."""

    def __init__(self, world: World, fault: str) -> None:
        super().__init__()
        self._world = world
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._fault == "reply_hangs":
            await door.gone(receive)
        else:
            await door.befall(self._world, self._fault, scope, receive, send)


def _model(name: str) -> Model:
    if name not in MODELS:
        raise Refusal(404, f"There is no model {name}.", "not_found")
    return MODELS[name]


def _webhook(request: Request) -> str | None:
    """The webhook of the query; one that was not encoded keeps all of its own `?a=b&c=d`."""
    found = _WEBHOOK.search(request.scope["query_string"].decode("latin-1"))
    text = found[1] if found else ""
    return (text if text.startswith(("http://", "https://")) else unquote_plus(text.partition("&")[0])) or None


def _cleaned(model: Model, form: dict[str, Any]) -> dict[str, Any]:
    try:
        return inputs.clean(model, form)
    except InvalidInput as error:
        raise Refusal(400, str(error), str(error.task_code)) from None


def _charge_the_limits(world: World, account: Account, model: Model, cleaned: dict[str, Any]) -> None:
    """Raises Refusal where the tier's minute is full or the credit used up."""
    if wait_seconds := account.seconds_to_wait():
        world.calls.note("submit", "over the limit")
        told = {"Retry-After": str(int(wait_seconds) + 1)}
        raise Refusal(429, "Too many videos this minute.", "rate_limited", told)
    if account.balance_usd < pricing.price_usd(model, cleaned, {}, world.plan.minimum_seconds):
        raise Refusal(402, "The credit is used up.", "insufficient_credit")


def _take(
    world: World, account: Account, model: Model, cleaned: dict[str, Any], webhook: str | None, *, wants_base64: bool
) -> Prediction:
    """Write the prediction down and let it live."""
    now, faults = world.now(), world.faults.all_of(*lives.DRAWN)
    prediction = Prediction(
        id=world.book.next_id(),
        account=account,
        model=model,
        inputs=cleaned,
        created_at=now,
        listed_at=world.listed_at(now, lags="list_lags" in faults),
        webhook=webhook,
        wants_base64=wants_base64,
        faults=faults,
    )
    world.book.add(prediction)
    account.enter()
    world.start(lives.live(world, prediction))
    return prediction


async def _at_the_end(world: World, prediction: Prediction) -> Response:
    try:
        async with asyncio.timeout(world.plan.sync_seconds):
            await prediction.ended.wait()
    except TimeoutError:
        over = {"status": "processing", "code": _SYNC_OVER, "error": "Sync mode timed out; the task goes on."}
        return envelope.ok(shape(prediction, world.base_url) | over)
    return envelope.ok(with_base64(world, prediction))
