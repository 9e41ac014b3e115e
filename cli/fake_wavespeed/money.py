"""Answers what things cost and have cost: balance, prices, billings, usage."""

from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cli.fake_wavespeed import bill, envelope
from cli.fake_wavespeed.bill import Entry
from cli.fake_wavespeed.callers import account_of, world_of
from cli.fake_wavespeed.envelope import Refusal, read_object, whole_number
from cli.fake_wavespeed.predictions import instant
from cli.fake_wavespeed.reads import moment
from jobs.rules import pricing
from jobs.rules.catalog import MODELS


async def balance(request: Request) -> Response:
    """GET /api/v3/balance and /api/v3/account/balance."""
    return envelope.ok({"balance": float(account_of(request).balance_usd), "currency": "USD"})


async def price(request: Request) -> Response:
    """POST /api/v3/model/price."""
    model_id, amount = await _quoted(request)
    quote = {"price": amount, "discounted_price": amount, "discount_rate": 0}
    return envelope.ok({"model_id": model_id, **quote, "currency": "USD"})


async def unit_price(request: Request) -> Response:
    """POST /api/v3/model/pricing, which older clients ask."""
    model_id, amount = await _quoted(request)
    return envelope.ok({"model_id": model_id, "unit_price": amount, "currency": "USD"})


async def billings(request: Request) -> Response:
    """POST /api/v3/billings/search: newest first."""
    world, account, form = world_of(request), account_of(request), await read_object(request)
    number, size = whole_number(form, "page", 1, 10**6), whole_number(form, "page_size", 1, 100)
    world.calls.note("billings", "200")
    span = moment(form, "start_time"), moment(form, "end_time")
    found = (entry for entry in world.bill.newest_first(account) if _fits(entry, form, span))
    items = list(islice(found, (number - 1) * size, number * size + 1))
    shown = [bill.shape(entry) for entry in items[:size]]
    return envelope.ok({"page": number, "has_more": len(items) > size, "items": shown})


async def usage(request: Request) -> Response:
    """POST /api/v3/user/usage_stats."""
    world, account, form = world_of(request), account_of(request), await read_object(request)
    span = moment(form, "start_time"), moment(form, "end_time")
    entries = [entry for entry in world.bill.newest_first(account) if _fits(entry, form, span)]
    cost_usd: dict[str, Decimal] = defaultdict(Decimal)
    for entry in entries:
        cost_usd[entry.prediction.model.id] += entry.signed_usd
    charged = [entry for entry in entries if entry.billing_type == "deduct"]
    counts = Counter(entry.prediction.model.id for entry in charged)
    last = {entry.prediction.model.id: entry.created_at for entry in reversed(charged)}
    return envelope.ok(
        {
            "per_model_usage": [
                {
                    "model_uuid": model,
                    "model_type": "digital-human",
                    "unit_price": float(MODELS[model].base_price_usd),
                    "total_cost": float(cost_usd[model]),
                    "total_count": counts[model],
                    "last_used_date": instant(last[model]),
                }
                for model in counts
            ],
            "daily_usage": _by_day(entries),
            "summary": {
                "total_cost": float(sum(cost_usd.values())),
                "total_requests": len(charged),
                "success_requests": sum(entry.prediction.status == "completed" for entry in charged),
            },
        }
    )


def _by_day(entries: list[Entry]) -> list[dict[str, object]]:
    days: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        days[f"{entry.created_at:%Y-%m-%d}"].append(entry)
    return [
        {"date": day, "amount": float(sum(entry.signed_usd for entry in of_day)), "count": len(of_day)}
        for day, of_day in days.items()
    ]


async def _quoted(request: Request) -> tuple[str, float]:
    account_of(request)
    form = await read_object(request)
    model = MODELS.get(str(form.get("model_id")))
    if model is None:
        raise Refusal(404, "There is no such model.", "not_found")
    given = form.get("inputs") or {}
    return model.id, float(pricing.price_usd(model, given, {}, world_of(request).plan.minimum_seconds))


def _fits(entry: Entry, form: dict[str, Any], span: tuple[datetime | None, datetime | None]) -> bool:
    after, before = span
    return (
        form.get("billing_type") in (None, "", entry.billing_type)
        and form.get("model_uuid") in (None, "", entry.prediction.model.id)
        and form.get("access_key_uuid") in (None, "", entry.prediction.account.uuid)
        and (after is None or entry.created_at >= after)
        and (before is None or entry.created_at <= before)
    )
