"""Shows predictions, lists them, cancels and deletes them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cli.fake_wavespeed import envelope, lives
from cli.fake_wavespeed.callers import account_of, world_of
from cli.fake_wavespeed.envelope import Refusal, read_object, whole_number
from cli.fake_wavespeed.predictions import Prediction, shape
from cli.fake_wavespeed.submits import with_base64

_PAGE_MAX = 10**6
_PAGE_SIZE_MAX = 100


async def result(request: Request) -> Response:
    """GET /api/v3/predictions/{id} and .../result."""
    world = world_of(request)
    world.calls.note("result", "200")
    return envelope.ok(with_base64(world, _named(request)))


async def page(request: Request) -> Response:
    """POST /api/v3/predictions: newest first; what lags is not in it yet."""
    world, account, form = world_of(request), account_of(request), await read_object(request)
    number, size = whole_number(form, "page", 1, _PAGE_MAX), whole_number(form, "page_size", 1, _PAGE_SIZE_MAX)
    world.calls.note("list", "200")
    now, fits = world.now(), _filter(form)
    found: Iterator[Prediction] = (
        one for one in world.book.newest_first(account) if one.listed_at <= now and fits(one)
    )
    shown = islice(found, (number - 1) * size, number * size)
    with_input = world.plan.shows_inputs and bool(form.get("include_inputs"))
    return envelope.ok({"page": number, "items": [shape(one, world.base_url, with_input=with_input) for one in shown]})


async def end(request: Request) -> Response:
    """DELETE /api/v3/predictions/{id}: cancel one that is not final, delete one that is."""
    world, prediction = world_of(request), _named(request)
    world.calls.note("delete", "200")
    if prediction.is_final:
        prediction.is_deleted = True
    elif "cancel_ignored" not in prediction.faults:
        was_running = prediction.status == "processing"
        lives.end(world, prediction, "cancelled")
        if not was_running:
            lives.refund(world, prediction)
    return envelope.ok(shape(prediction, world.base_url))


async def delete(request: Request) -> Response:
    """POST /api/v3/predictions/delete: the final ones of those named."""
    world, account, form = world_of(request), account_of(request), await read_object(request)
    named = form.get("ids")
    if not isinstance(named, list):
        raise Refusal(400, "ids is required: a list.", "1400")
    found = [one for name in named if (one := world.book.find(account, str(name))) is not None and one.is_final]
    for prediction in found:
        prediction.is_deleted = True
    return envelope.ok({"deleted_count": len(found)})


def moment(form: dict[str, Any], name: str) -> datetime | None:
    """An instant of the body, with its time zone. Raises Refusal."""
    if (text := form.get(name)) in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refusal(400, f"{name} must be an RFC 3339 instant with its time zone.", "1401")
    return found


def _named(request: Request) -> Prediction:
    found = world_of(request).book.find(account_of(request), request.path_params["id"])
    if found is None:
        raise Refusal(404, "There is no such prediction.", "not_found")
    return found


def _filter(form: dict[str, Any]) -> Callable[[Prediction], bool]:
    model, status = form.get("model"), form.get("status")
    after, before = moment(form, "created_after"), moment(form, "created_before")

    def fits(one: Prediction) -> bool:
        return (
            (not model or one.model.id == model)
            and (not status or one.status == status)
            and (after is None or one.created_at >= after)
            and (before is None or one.created_at <= before)
        )

    return fits
