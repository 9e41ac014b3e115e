"""Forgives the ways clients misspell our paths: `/api/v2`, a doubled prefix, doubled slashes, a slash at the end."""

import re
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASHES = re.compile(r"/{2,}")
_PREFIXES = re.compile(r"^(?:/api/v[23])+(?=/|$)")


class ForgivingPaths:
    """Routes see only the one right spelling."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = spelt_right(scope["path"])
            scope = {**scope, "path": path, "raw_path": quote(path).encode()}
        await self._app(scope, receive, send)


def spelt_right(path: str) -> str:
    """`//api/v2/api/v3//predictions/x/` is `/api/v3/predictions/x`."""
    return _PREFIXES.sub("/api/v3", _SLASHES.sub("/", path)).rstrip("/") or "/"
