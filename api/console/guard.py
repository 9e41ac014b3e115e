"""Stands around every console page and says what browsers may do with it."""

from functools import cache
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.console.address import is_console
from jobs import storage
from jobs.errors import WrongSetting


class ConsoleGuard:
    """Concerns paths below `/console` and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_console(scope["path"]):
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _guard(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, guarded)


def _guard(headers: MutableHeaders) -> None:
    for name in [name for name in headers if name.startswith("access-control-")]:
        del headers[name]  # the API's, for pages of others
    headers["Content-Security-Policy"] = _policy()
    headers["X-Frame-Options"] = "DENY"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    headers.setdefault("Cache-Control", "no-store")


@cache
def _policy() -> str:
    """Nothing but our own files; pictures and videos from the bucket, whose links are signed for its public host."""
    bucket = _bucket()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data:{bucket}",
            f"media-src 'self'{bucket}",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def _bucket() -> str:
    try:
        parts = urlsplit(storage.link("x", 60))
    except WrongSetting:
        return ""
    return f" {parts.scheme}://{parts.netloc}"
