"""Serves the finished videos without a key, with Content-Length and Range, and breaks off where a switch says so."""

import asyncio
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cli.fake_wavespeed import door
from cli.fake_wavespeed.callers import world_of
from cli.fake_wavespeed.envelope import Refusal
from cli.fake_wavespeed.films import Film
from cli.fake_wavespeed.predictions import Prediction
from cli.fake_wavespeed.world import World

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
_TICKS_PER_SECOND: Final = 10


async def give(request: Request) -> Response:
    """GET and HEAD /fake/outputs/{id}.mp4."""
    world = world_of(request)
    prediction = world.book.any(request.path_params["id"])
    if prediction is None or prediction.film is None or _is_away(world, prediction):
        world.calls.note("output", "404")
        raise Refusal(404, "There is no such file.", "not_found")
    tag = f'"{prediction.id}"'
    start, stop = _span(request, prediction, prediction.film.size_bytes, tag)
    prediction.reads += request.method == "GET"
    is_part = (start, stop) != (0, prediction.film.size_bytes)
    world.calls.note("output", "206" if is_part else "200")
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(stop - start), "ETag": tag}
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{prediction.film.size_bytes}"
    return _Reel(world, prediction, prediction.film, (start, stop), headers)


class _Reel(Response):
    """The bytes of one read."""

    media_type = "video/mp4"

    def __init__(
        self, world: World, prediction: Prediction, film: Film, span: tuple[int, int], headers: dict[str, str]
    ) -> None:
        super().__init__(status_code=206 if "Content-Range" in headers else 200, headers=headers)
        self._film = film
        self._span = span
        self._breaks_at = _breaks_at(prediction, film, span)
        is_slow = "output_slow" in prediction.faults
        self._bytes_per_second = world.plan.output_bytes_per_second if is_slow else 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            return await send({"type": "http.response.body", "body": b""})
        start, stop = self._span
        for piece in self._film.pieces(start, min(stop, self._breaks_at)):
            await self._send(piece, send)
        if self._breaks_at < stop:
            return await door.hang_up(scope, receive)
        return await send({"type": "http.response.body", "body": b""})

    async def _send(self, piece: bytes, send: Send) -> None:
        step = int(self._bytes_per_second / _TICKS_PER_SECOND) or len(piece)
        for at in range(0, len(piece), step):
            await send({"type": "http.response.body", "body": piece[at : at + step], "more_body": True})
            if self._bytes_per_second:
                await asyncio.sleep(1 / _TICKS_PER_SECOND)


def _is_away(world: World, prediction: Prediction) -> bool:
    if "output_missing" in prediction.faults:
        return True
    age_seconds = (world.now() - prediction.ended_at).total_seconds() if prediction.ended_at else 0.0
    return "output_late" in prediction.faults and age_seconds < world.plan.late_seconds


def _span(request: Request, prediction: Prediction, size: int, tag: str) -> tuple[int, int]:
    """What the caller asks for, `start` up to `stop`. Raises Refusal, 416."""
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    is_other = request.headers.get("If-Range", tag) != tag
    if found is None or is_other or "output_whole" in prediction.faults or found[0] == "bytes=-":
        return 0, size
    if not found[1]:
        return max(0, size - int(found[2])), size
    start, stop = int(found[1]), min(size, int(found[2] or size - 1) + 1)
    if start >= stop:
        raise Refusal(416, "The range is not in the file.", "bad_range", {"Content-Range": f"bytes */{size}"})
    return start, stop


def _breaks_at(prediction: Prediction, film: Film, span: tuple[int, int]) -> int:
    if "output_truncated" in prediction.faults:
        return max(span[0], film.size_bytes * 2 // 3)
    if "output_cut" in prediction.faults and prediction.reads == 1:
        return (span[0] + span[1]) // 2
    return film.size_bytes
