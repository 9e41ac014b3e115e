"""Every route of the console; none of them is in the API's documentation."""

from typing import Final

from fastapi import FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api import own_threads
from api.console.address import PREFIX
from api.console.pages import (
    accounts,
    audit,
    batches,
    failures,
    front,
    job,
    jobs,
    keys,
    operators,
    overview,
    sign_in,
    sso,
    upstream,
    webhooks,
    workers,
)

_PAGES: Final = (
    overview.router,
    jobs.router,
    job.router,
    batches.router,
    workers.router,
    failures.router,
    accounts.router,
    keys.router,
    webhooks.router,
    upstream.router,
    front.router,
    sign_in.router,
    sso.router,
    operators.router,
    audit.router,
)


def install(app: FastAPI) -> None:
    """Have `app` serve the console."""
    app.state.sign_ins, app.state.provider = own_threads.for_strangers(), own_threads.for_strangers()
    for router in _PAGES:
        app.include_router(router, prefix=PREFIX, include_in_schema=False)
    app.mount(f"{PREFIX}/static", _Unchanging(packages=[("api.console", "static")]), name="console-static")


class _Unchanging(StaticFiles):
    """Files whose address changes with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code in {200, 304}:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
