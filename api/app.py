"""Assembles the front door, and decides nothing: `api.serving` runs it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from api import callbacks, collector, faces, health, metrics, metrics_port, openapi, own_threads
from api.body_limit import BodyLimit, Limit
from api.body_room import STRANGERS_BYTES, BodyRoom
from api.console import address
from api.console import routes as console
from api.console.guard import ConsoleGuard
from api.crashes import CrashGuard
from api.gathering import Gathering, in_a_thread
from api.idempotency import REPLAYED
from api.paths import ForgivingPaths
from api.tallies import Tallies
from api.timing import Clock, Timed, route_of
from api.v1 import account, batches, deliveries, keys, ledger, listening, route, scaling, usage, webhooks
from api.v1 import events as v1_events
from api.v1 import jobs as v1_jobs
from api.watching import Hub
from api.wavespeed import (
    billing,
    catalog,
    kept,
    predictions,
    prices,
    shortcuts,
    unknown,
    upload_turns,
    uploads,
    usage_stats,
    webhook_secret,
)
from jobs import database, listing, settings, submission, telemetry
from jobs.driving import driven

_DESCRIPTION = """
Talking videos from a picture or a video and one or two voices.

`/api/v3` speaks WaveSpeed's API, so that its clients work here unchanged; `/v1` is our own face to the same jobs.
Make a key with `duologue keys create NAME` and send it as `Authorization: Bearer KEY`.
"""


_ROUTERS = (
    predictions.router,
    kept.router,
    catalog.router,
    prices.router,
    billing.router,
    usage_stats.router,
    webhook_secret.router,
    uploads.router,
    v1_jobs.router,
    v1_events.router,
    route.router,
    scaling.router,
    metrics.router,
    batches.router,
    account.router,
    keys.router,
    usage.router,
    ledger.router,
    webhooks.router,
    deliveries.router,
    listening.router,
    callbacks.router,
)


def create_app() -> FastAPI:
    """The whole front door. Raises WrongSetting with a sentence when a setting cannot work."""
    chosen, clock, room = settings.load(), Clock(), BodyRoom()
    disk = upload_turns.room(chosen.door_processes)
    app: FastAPI = FastAPIOffline(
        title="Duologue",
        version=version("duologue"),
        description=_DESCRIPTION,
        openapi_tags=openapi.TAGS,
        redoc_url=None,
        redirect_slashes=False,
        # We tell our own, and what callers wrote is in no trace of theirs.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        # Without this the docs page shows a badge that an outside host draws.
        swagger_ui_parameters={"validatorUrl": None},
        middleware=_middleware(chosen, clock, room, disk),
        lifespan=_lifespan,
    )
    app.state.clock, app.state.room, app.state.disk = clock, room, disk
    app.state.hub = Hub()
    app.state.bucket = own_threads.for_bucket()
    app.state.upload_turns = upload_turns.UploadTurns()
    app.state.single_orders = own_threads.for_orders(chosen.database_pool_size)
    app.state.kept_orders = own_threads.for_kept_orders()
    app.state.readings = Gathering(driven(listing.readings), enough=32, pace_seconds=0.01)
    # More at once than of the others: a group costs more than a read, however small it is.
    app.state.orders = Gathering(driven(submission.submit_together), enough=64, rest_seconds=0.02)
    # Long texts are no work for the loop: it would answer nobody meanwhile.
    app.state.long_orders = Gathering(in_a_thread(submission.submit_together), enough=8)
    app.state.callbacks = Gathering(in_a_thread(callbacks.hear_all), enough=32, pace_seconds=0.05)
    faces.install(app)
    for router in (*_ROUTERS, health.router()):
        app.include_router(router)
    if chosen.console:
        console.install(app)
    unknown.install(app)
    openapi.install(app)
    # Around the framework's own layers too: each of them costs a poll more than it does for one.
    app.middleware_stack = shortcuts.Shortcuts(app.build_middleware_stack(), chosen.body_max_bytes, room, clock)
    return app


def _middleware(chosen: settings.Settings, clock: Clock, room: BodyRoom, disk: BodyRoom) -> list[Middleware]:
    """From the outside in; what `shortcuts` answers never comes here."""
    strangers = BodyRoom(STRANGERS_BYTES)
    return [
        Middleware(ForgivingPaths),
        Middleware(Timed, clock=clock, name_of=route_of),
        Middleware(ConsoleGuard),
        Middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["*"],
            # Keys travel in a header and there are no cookies: no header a page may send is worth refusing.
            allow_headers=["*"],
            expose_headers=["Location", "Retry-After", REPLAYED],
        ),
        Middleware(CrashGuard),
        Middleware(
            BodyLimit,
            limits=[
                Limit(callbacks.BODY_MAX_BYTES, strangers, callbacks.PREFIX),
                Limit(address.FORM_MAX_BYTES, strangers, address.PREFIX),
                Limit(uploads.body_max_bytes(), disk, uploads.BINARY_PATH),
                Limit(chosen.body_max_bytes, room),
            ],
        ),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    telemetry.start("api")
    database.engine()  # before there are threads: two that ask first at once would each make a pool
    hub: Hub = app.state.hub
    with _counted(app) as tallies, metrics_port.opened(tallies):
        async with hub.running():
            with collector.at_rest():
                yield


@contextmanager
def _counted(app: FastAPI) -> Iterator[Tallies]:
    """Answers are counted meanwhile; doors that share a port count in a folder that all of them read."""
    chosen, clock = settings.load(), app.state.clock
    tallies = Tallies(chosen.data_dir / "metrics" if chosen.door_processes > 1 else None)
    clock.tallies = tallies
    try:
        yield tallies
    finally:
        clock.tallies = None
        tallies.close()
