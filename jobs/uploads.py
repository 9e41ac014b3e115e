"""Files of callers in the bucket: tickets, links, and what has expired."""

import mimetypes
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from jobs import clock, ids, settings, storage
from jobs.accounts import Caller
from jobs.errors import TooLarge, WrongInput
from jobs.rules import keys
from jobs.tables import Upload

TICKET_SECONDS = 3600
UNKNOWN: Final = "application/octet-stream"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_MAX_LETTERS = 120
# What jobs are made of. Which of these Python knows depends on its release and on files of the system.
_TYPES: Final = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".caf": "audio/x-caf",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}


@dataclass(frozen=True)
class Ticket:
    """What a caller needs to put the file there, and to read it later."""

    upload: Upload
    put_url: str
    put_headers: dict[str, str]
    download_url: str
    expires_at: datetime


def open_ticket(session: Session, caller: Caller, filename: str, size_bytes: int, content_type: str | None) -> Ticket:
    """Promise room for one file. Raises WrongInput or TooLarge."""
    upload = _register(session, caller, filename, size_bytes, content_type)
    url, headers = storage.link_to_put(upload.object_key, upload.content_type, size_bytes, TICKET_SECONDS)
    return Ticket(upload, url, headers, link(upload), clock.now() + timedelta(seconds=TICKET_SECONDS))


def register(session: Session, caller: Caller, filename: str, size_bytes: int, content_type: str | None) -> Upload:
    """Write down a file that we are about to put there ourselves. Raises WrongInput or TooLarge."""
    return _register(session, caller, filename, size_bytes, content_type)


def link(upload: Upload) -> str:
    """A link anybody who has it may read the file by, until the upload expires."""
    return storage.link(upload.object_key, int(settings.load().keep_uploads_days * 86400))


def _register(session: Session, caller: Caller, filename: str, size_bytes: int, content_type: str | None) -> Upload:
    chosen = settings.load()
    if size_bytes <= 0:
        raise WrongInput("size must be the file's length in bytes, at least 1.", field="size")
    if size_bytes > chosen.upload_max_bytes:
        raise TooLarge(f"The file has {size_bytes} bytes; at most {chosen.upload_max_bytes} are taken.", field="size")
    upload_id = ids.new_id()
    name = _safe(filename)
    upload = Upload(
        id=upload_id,
        account_id=caller.account_id,
        filename=name,
        content_type=content_type or _type_of(name),
        size_bytes=size_bytes,
        object_key=keys.upload(caller.account_id, upload_id, name),
        expires_at=func.now() + timedelta(days=chosen.keep_uploads_days),
    )
    session.add(upload)
    return upload


def _type_of(name: str) -> str:
    return _TYPES.get(PurePosixPath(name).suffix.lower()) or mimetypes.guess_type(name)[0] or UNKNOWN


def _safe(filename: str) -> str:
    """Keep the last part of the name, and of that what needs no escaping; clients tell the type by its ending."""
    name = _UNSAFE.sub("_", PurePosixPath(filename.replace("\\", "/")).name).lstrip(".")[-_NAME_MAX_LETTERS:]
    if not name:
        raise WrongInput("filename must name the file, for example voice.mp3.", field="filename")
    return name
