"""What only a test may see and do: the bill, the predictions with their faults, the switches, an end before time."""

from decimal import Decimal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cli.failure import Failure
from cli.fake_wavespeed import bill, lives, plan
from cli.fake_wavespeed.callers import world_of
from cli.fake_wavespeed.envelope import Refusal, read_object
from cli.fake_wavespeed.faults import FAILURES, SWITCHES
from cli.fake_wavespeed.predictions import Prediction, shape
from cli.fake_wavespeed.world import World

_PROMPT_SECONDS = 1.0


async def show_bill(request: Request) -> Response:
    """GET /fake/bill: every entry, and what each key owes; dollars as exact decimals in strings."""
    world = world_of(request)
    totals = world.bill.totals_usd(world.accounts.values())
    return JSONResponse(
        {
            "currency": "USD",
            "total_usd": str(sum(totals.values(), Decimal())),
            "keys": [account.told() | {"owed_usd": str(totals[account.name])} for account in world.accounts.values()],
            "entries": [bill.shape(entry) | {"price_usd": str(entry.price_usd)} for entry in world.bill.entries()],
        }
    )


async def show_jobs(request: Request) -> Response:
    """GET /fake/jobs: every prediction ever taken, oldest first, deleted ones included."""
    world = world_of(request)
    owed_usd = world.bill.owed_usd
    return JSONResponse(
        [
            shape(one, world.base_url, with_input=True)
            | {
                "key": one.account.name,
                "faults": sorted(one.faults),
                "webhook": one.webhook,
                "webhooks": one.webhooks,
                "reads": one.reads,
                "is_deleted": one.is_deleted,
                "owed_usd": str(owed_usd(one)),
            }
            for one in world.book.all()
        ]
    )


async def finish(request: Request) -> Response:
    """POST /fake/jobs/{id}/finish: end it now, well, or with a `code` of the body failed."""
    world, form = world_of(request), await read_object(request)
    prediction = _named(world, request.path_params["id"])
    if code := form.get("code"):
        lives.fail(world, prediction, int(code), str(form.get("error") or FAILURES.get(code, "failed")))
    else:
        await lives.complete(world, prediction, _PROMPT_SECONDS)
    return JSONResponse(shape(prediction, world.base_url))


async def finish_all(request: Request) -> Response:
    """POST /fake/jobs/finish: end all of `ids` now, well."""
    world, form = world_of(request), await read_object(request)
    for name in form.get("ids", []):
        await lives.complete(world, _named(world, str(name)), _PROMPT_SECONDS)
    return JSONResponse({})


async def show_faults(request: Request) -> Response:
    """GET /fake/faults: every switch with its sentence, its rate, and how often it has struck."""
    faults = world_of(request).faults
    return JSONResponse(
        {
            name: {"does": does, "rate": faults.rates.get(name, 0.0), "struck": faults.struck[name]}
            for name, does in SWITCHES.items()
        }
    )


async def set_faults(request: Request) -> Response:
    """PUT /fake/faults: `{name: rate}`; those not named stay as they are, `all` stands for every one."""
    faults, rates = world_of(request).faults, await read_object(request)
    try:
        named = dict.fromkeys(SWITCHES, rates.pop("all")) if "all" in rates else {}
        faults.rates |= plan.checked(named | rates)
    except (Failure, TypeError) as error:
        raise Refusal(400, str(error), "bad_request") from None
    return await show_faults(request)


async def show_calls(request: Request) -> Response:
    """GET /fake/calls: `{call: {outcome: count}}`."""
    return JSONResponse(world_of(request).calls.told())


def _named(world: World, prediction_id: str) -> Prediction:
    found = world.book.any(prediction_id)
    if found is None:
        raise Refusal(404, "There is no such prediction.", "not_found")
    return found
