"""Takes callers' files: by a ticket for the bucket, or through this door."""

import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from api import openapi
from api.caller import Submitter
from api.own_threads import threads_of
from api.strict_json import RawBody, read_object
from api.wavespeed import envelope
from api.wavespeed.envelope import Reply
from api.wavespeed.upload_turns import turns_of
from jobs import settings, storage
from jobs import uploads as book
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import MissingInput, WrongInput
from jobs.tables import Upload

BINARY_PATH = "/api/v3/media/upload/binary"
_FRAMING_BYTES = 64 * 2**10
_CONTENT_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,80}(?:\s*;[ -~]{0,100})?", re.ASCII)

router = APIRouter(prefix="/api/v3/media", tags=["WaveSpeed uploads"])


class PutInstruction(BaseModel):
    """A request to the bucket: exactly these headers, and no Authorization."""

    method: str = "PUT"
    url: str
    headers: dict[str, str]
    expires_at: str


class Ticket(BaseModel):
    """Room for one file."""

    type: str = Field(description="The first word of the content type: audio, image, video or another.")
    filename: str
    size: int = Field(description="Bytes.")
    download_url: str = Field(description="Where the file is read without a key, once it is there.")
    upload: PutInstruction


class Uploaded(BaseModel):
    """A file that is there."""

    type: str
    download_url: str
    filename: str
    size: int


_TICKET_FORM: dict[str, Any] = {
    "title": "UploadTicketForm",
    "type": "object",
    "properties": {
        "filename": {"type": "string", "minLength": 1, "examples": ["voice.mp3"]},
        "size": {"type": "integer", "minimum": 1, "description": "The file's length in bytes."},
        "content_type": {"type": ["string", "null"], "examples": ["audio/mpeg"]},
    },
    "required": ["filename", "size"],
}
_FILE_FORM: dict[str, Any] = {
    "title": "UploadForm",
    "type": "object",
    "properties": {"file": {"type": "string", "format": "binary"}},
    "required": ["file"],
}


def body_max_bytes() -> int:
    """Largest body of the binary route: the largest file, and what multipart puts around it."""
    return settings.load().upload_max_bytes + _FRAMING_BYTES


@router.post(
    "/uploads",
    summary="Ask for a ticket",
    response_model=Reply[Ticket],
    responses=envelope.documented(400, 408, 413),
    openapi_extra=openapi.json_body(_TICKET_FORM),
)
def open_ticket(caller: Submitter, body: RawBody) -> Response:
    """Get an address in the bucket to PUT one file to."""
    form = read_object(body)
    filename, size_bytes, content_type = _filename(form), _size(form), _content_type(form.get("content_type"))
    with transaction() as session:
        ticket = book.open_ticket(session, caller, filename, size_bytes, content_type)
    instruction = PutInstruction(
        url=ticket.put_url, headers=ticket.put_headers, expires_at=envelope.instant(ticket.expires_at)
    )
    uploaded = _described(ticket.upload)
    return envelope.reply(Ticket(**uploaded.model_dump(), upload=instruction))


async def _file(request: Request, caller: Submitter) -> AsyncIterator[UploadFile]:
    """The form's file, spooled to disk; nobody without a key gets that far."""
    async with turns_of(request).of(caller.account_id), request.form(max_files=1, max_fields=16) as form:
        found = form.get("file")
        if isinstance(found, str):
            raise MissingInput(
                "file came without a name: give its part a plain `filename`; `filename*` counts for nothing.",
                field="file",
            )
        if not isinstance(found, UploadFile):
            raise MissingInput(
                "file is required: send multipart/form-data with a file in the field `file`.", field="file"
            )
        yield found


@router.post(
    "/upload/binary",
    summary="Upload a file",
    response_model=Reply[Uploaded],
    responses=envelope.documented(400, 408, 413, 429),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FILE_FORM}}}},
)
async def upload(request: Request, caller: Submitter, file: Annotated[UploadFile, Depends(_file)]) -> Response:
    """Send one file through this door; it ends up in the bucket as after a ticket."""
    return await threads_of(request, "bucket").run(_keep, caller, file)


def _keep(caller: Caller, file: UploadFile) -> Response:
    said = file.content_type or ""
    # Clients that know nothing of the file say "bytes".
    content_type = said if _CONTENT_TYPE.fullmatch(said) and said.partition(";")[0].strip() != book.UNKNOWN else None
    with transaction() as session:
        # Written down first: what is not in the book is never removed from the bucket.
        row = book.register(session, caller, file.filename or "", file.size or 0, content_type)
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(file.file, copy)
        copy.flush()
        storage.put(Path(copy.name), row.object_key, row.content_type, read_seconds=storage.CALLER_WAITS_SECONDS)
    return envelope.reply(_described(row))


def _described(row: Upload) -> Uploaded:
    kind = row.content_type.partition("/")[0]
    return Uploaded(type=kind, download_url=book.link(row), filename=row.filename, size=row.size_bytes)


def _filename(form: dict[str, Any]) -> str:
    value = form.get("filename")
    if value is None or value == "":
        raise MissingInput("filename is required, for example voice.mp3.", field="filename")
    if not isinstance(value, str):
        raise WrongInput("filename must be a string.", field="filename")
    return value


def _size(form: dict[str, Any]) -> int:
    value = form.get("size")
    if value is None:
        raise MissingInput("size is required: the file's length in bytes.", field="size")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongInput("size must be an integer, the file's length in bytes.", field="size")
    return value


def _content_type(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _CONTENT_TYPE.fullmatch(value):
        raise WrongInput("content_type must be a media type such as audio/mpeg.", field="content_type")
    return value
