"""Takes files: by ticket, whose PUT must carry its headers to the letter and no key, or straight through."""

import mimetypes
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from cli.fake_wavespeed import envelope
from cli.fake_wavespeed.callers import account_of, world_of
from cli.fake_wavespeed.envelope import Refusal, read_body, read_object, whole_number
from cli.fake_wavespeed.predictions import instant
from cli.fake_wavespeed.world import World

MAX_BYTES: Final = 200 * 10**6
_UNKNOWN: Final = "application/octet-stream"


async def open_ticket(request: Request) -> Response:
    """POST /api/v3/media/uploads."""
    world, _, form = world_of(request), account_of(request), await read_object(request)
    size = whole_number(form, "size", 1, MAX_BYTES)
    name = _safe(str(form.get("filename") or ""))
    content_type = str(form.get("content_type") or mimetypes.guess_type(name)[0] or _UNKNOWN)
    token = secrets.token_hex(16)
    world.tickets[token] = (size, content_type)
    url = f"{world.base_url}/fake/uploads/{token}/{quote(name)}"
    headers = {"Content-Type": content_type, "If-None-Match": "*"}
    instruction = {"method": "PUT", "url": url, "headers": headers, "expires_at": instant(world.now())}
    return envelope.ok({**_described(content_type, name, size, url), "upload": instruction})


async def take(request: Request) -> Response:
    """PUT /fake/uploads/{token}/{name}: once, as the ticket says."""
    world, token = world_of(request), request.path_params["token"]
    path, (size, content_type) = _place(world, token), world.tickets.get(token, (0, ""))
    if not size:
        raise Refusal(403, "There is no such ticket.", "forbidden")
    if "Authorization" in request.headers:
        raise Refusal(400, "Only one way of authorisation is allowed.", "bad_request")
    if request.headers.get("If-None-Match") != "*" or request.headers.get("Content-Type") != content_type:
        raise Refusal(403, "The headers are not those that were signed.", "forbidden")
    if path.exists():
        raise Refusal(412, "There is a file already.", "precondition_failed")
    content = await read_body(request)
    if len(content) != size:
        raise Refusal(400, f"The ticket is for {size} bytes.", "bad_request")
    path.write_bytes(content)
    return Response(status_code=200)


async def take_binary(request: Request) -> Response:
    """POST /api/v3/media/upload/binary."""
    world, _ = world_of(request), account_of(request)
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refusal(400, "file is required.", "1400")
        content, name = await file.read(), _safe(file.filename or "")
        content_type = file.content_type or mimetypes.guess_type(name)[0] or _UNKNOWN
    token = secrets.token_hex(16)
    world.tickets[token] = (len(content), content_type)
    _place(world, token).write_bytes(content)
    url = f"{world.base_url}/fake/uploads/{token}/{quote(name)}"
    return envelope.ok(_described(content_type, name, len(content), url))


async def give(request: Request) -> Response:
    """GET /fake/uploads/{token}/{name}: without a key."""
    world, token = world_of(request), request.path_params["token"]
    if token not in world.tickets or not _place(world, token).exists():
        raise Refusal(404, "There is no such file.", "not_found")
    return FileResponse(_place(world, token), media_type=world.tickets[token][1])


def _described(content_type: str, name: str, size: int, url: str) -> dict[str, object]:
    return {"type": content_type.partition("/")[0], "filename": name, "size": size, "download_url": url}


def _safe(name: str) -> str:
    return Path(name).name or "upload"


def _place(world: World, token: str) -> Path:
    return world.uploads / Path(token).name
