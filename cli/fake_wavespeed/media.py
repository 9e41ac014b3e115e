"""Reaches the media a prediction was given, as the service would, and finds out how long its voices are."""

import asyncio
import base64
import binascii
import io
import wave
from collections.abc import Mapping
from typing import Any, Final

import httpx

from jobs.rules import inputs
from jobs.rules.catalog import Kind

_MAX_BYTES: Final = 200 * 10**6
# Few: httpx looks at every connection of a pool at every request.
_AT_ONCE: Final = 16
_PATIENCE_SECONDS: Final = 20.0
_PAGE: Final = (b"<!doctype", b"<html", b"<?xml")


class Unreachable(Exception):
    """An input that cannot be had, or is no media; the text names it."""


class Fetcher:
    """Downloads inputs, some at once."""

    def __init__(self) -> None:
        # Those that wait, wait here: the queue inside a pool is as slow as it is long.
        self._seats = asyncio.Semaphore(_AT_ONCE)
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        timeout = httpx.Timeout(_PATIENCE_SECONDS, pool=None)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False, follow_redirects=True)

    async def close(self) -> None:
        await self._client.aclose()

    async def tracks(self, kinds: Mapping[str, Kind], given: Mapping[str, Any]) -> dict[str, float]:
        """Reach every medium; seconds of each voice by its field. Raises Unreachable."""
        fields = [field for field in kinds if field in given]
        seconds = await asyncio.gather(*(self._reach(field, kinds[field], given[field]) for field in fields))
        return {field: length for field, length in zip(fields, seconds, strict=True) if kinds[field] == "audio"}

    async def _reach(self, field: str, kind: Kind, source: str) -> float:
        content = _decoded(field, source) if inputs.is_inline(source) else await self._fetched(field, source)
        if not content or content[:16].lstrip().lower().startswith(_PAGE):
            raise Unreachable(f"{field} is not media")
        return await _seconds(field, content) if kind == "audio" else 0.0

    async def _fetched(self, field: str, url: str) -> bytes:
        content = bytearray()
        try:
            async with self._seats, self._client.stream("GET", url) as answer:
                if not answer.is_success:
                    raise Unreachable(f"{field} could not be fetched: HTTP {answer.status_code}")
                async for piece in answer.aiter_bytes():
                    content += piece
                    if len(content) > _MAX_BYTES:
                        raise Unreachable(f"{field} has more than {_MAX_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{field} could not be fetched: {type(error).__name__}") from None
        return bytes(content)


def _decoded(field: str, source: str) -> bytes:
    text = source.partition(",")[2] if source.lower().startswith("data:") else source
    try:
        return base64.b64decode(text)
    except binascii.Error:
        raise Unreachable(f"{field} is not base64") from None


async def _seconds(field: str, content: bytes) -> float:
    try:
        with wave.open(io.BytesIO(content)) as track:
            return float(track.getnframes() / track.getframerate())
    except (wave.Error, EOFError):
        return await asyncio.to_thread(_probed, field, content)


def _probed(field: str, content: bytes) -> float:
    """Length of what is no plain WAV, by the library that knows all kinds."""
    import av

    try:
        with av.open(io.BytesIO(content), "r") as container:
            length = container.duration
    except av.FFmpegError:
        length = None
    if not length:
        raise Unreachable(f"{field} is not a voice that can be read")
    return float(length / av.time_base)
