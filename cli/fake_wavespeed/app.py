"""Assembles the fake's application: every endpoint of the contract, the files it serves, and what only tests see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from cli.fake_wavespeed import backstage, catalog, envelope, money, outputs, reads, submits, uploads
from cli.fake_wavespeed.door import Door
from cli.fake_wavespeed.plan import Plan
from cli.fake_wavespeed.world import World

_API: Final[tuple[BaseRoute, ...]] = (
    Route("/api/v3/predictions/{id}/result", reads.result, methods=["GET"]),
    Route("/api/v3/predictions", reads.page, methods=["POST"]),
    Route("/api/v3/predictions/delete", reads.delete, methods=["POST"]),
    Route("/api/v3/predictions/{id}", reads.result, methods=["GET"]),
    Route("/api/v3/predictions/{id}", reads.end, methods=["DELETE"]),
    Route("/api/v3/balance", money.balance, methods=["GET"]),
    Route("/api/v3/account/balance", money.balance, methods=["GET"]),
    Route("/api/v3/models", catalog.models, methods=["GET"]),
    Route("/api/v3/model/price", money.price, methods=["POST"]),
    Route("/api/v3/model/pricing", money.unit_price, methods=["POST"]),
    Route("/api/v3/billings/search", money.billings, methods=["POST"]),
    Route("/api/v3/user/usage_stats", money.usage, methods=["POST"]),
    Route("/api/v3/media/uploads", uploads.open_ticket, methods=["POST"]),
    Route("/api/v3/media/upload/binary", uploads.take_binary, methods=["POST"]),
    Route("/api/v3/webhook/secret", catalog.webhook_secret, methods=["GET"]),
    Route("/api/v3/{model:path}", submits.submit, methods=["POST"]),
)
_FAKE: Final[tuple[BaseRoute, ...]] = (
    Route("/fake/uploads/{token}/{name}", uploads.take, methods=["PUT"]),
    Route("/fake/uploads/{token}/{name}", uploads.give, methods=["GET"]),
    Route("/fake/outputs/{id}.mp4", outputs.give, methods=["GET"]),
    Route("/fake/bill", backstage.show_bill, methods=["GET"]),
    Route("/fake/calls", backstage.show_calls, methods=["GET"]),
    Route("/fake/jobs", backstage.show_jobs, methods=["GET"]),
    Route("/fake/jobs/finish", backstage.finish_all, methods=["POST"]),
    Route("/fake/jobs/{id}/finish", backstage.finish, methods=["POST"]),
    Route("/fake/faults", backstage.show_faults, methods=["GET"]),
    Route("/fake/faults", backstage.set_faults, methods=["PUT"]),
)


def create_app(plan: Plan, base_url: str) -> Starlette:
    """The application behind `base_url`, which is where its answers say that it is."""
    world = World(plan, base_url)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with world:
            app.state.world = world
            yield

    return Starlette(
        routes=[*_API, *_FAKE],
        middleware=[Middleware(Door, world=world)],
        exception_handlers={HTTPException: envelope.refused, 500: envelope.refused},
        lifespan=lifespan,
    )
