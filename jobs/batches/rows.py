"""Writes drafts of jobs as Postgres' COPY reads them, a line each, into files: memory stays flat however many."""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from jobs.rules.turns import in_line_since
from jobs.submission.wishes import Draft

_PIECE_BYTES = 2**18
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NULL = r"\N"

_AS_THEY_ARE = (
    "id",
    "account_id",
    "key_id",
    "seed",
    "engine",
    "engine_wanted",
    "priority",
    "price_usd",
    "run_seconds",
)
_TEXTS = ("model", "engine_reason", "webhook_url", "rerun_of")
_JSONS = ("inputs", "options", "metadata", "media")
_OURS = (
    "held_usd",
    "wants_base64",
    "tags",
    "status",
    "in_line_since",
    "batch_id",
    "batch_line",
    "custom_id",
)
JOB_COLUMNS = ("wait_until", "finish_until", *_AS_THEY_ARE, *_TEXTS, *_JSONS, *_OURS)
ATTACHMENT_COLUMNS = ("job_id", "field", "account_id", "content")


def of_job(draft: Draft, read_at: datetime, batch_id: uuid.UUID, line: int, custom_id: str) -> str:
    """One job, in line since it is read; its deadlines are spans yet, and begin as the batch opens: see `dated`."""
    row = draft.row
    return _line(
        [
            str(row["wait_seconds"]),
            str(row["total_seconds"]),
            *[str(row[name]) for name in _AS_THEY_ARE],
            *[_text(row.get(name)) for name in _TEXTS],
            *[_json(row.get(name)) for name in _JSONS],
            str(draft.price_usd),
            "t" if row["wants_base64"] else "f",
            _array(row["tags"]),
            "waiting",
            in_line_since(read_at, row["priority"]).isoformat(),
            batch_id.hex,
            str(line),
            _text(custom_id),
        ]
    )


def of_attachments(draft: Draft) -> str:
    """What came inside the line, a line each."""
    account = draft.caller.account_id.hex
    return "".join(
        _line([draft.row["id"], field, account, _text(content)]) for field, content in draft.attachments.items()
    )


def pieces(path: Path) -> Iterator[bytes]:
    """A file as it is."""
    with path.open("rb") as file:
        yield from iter(lambda: file.read(_PIECE_BYTES), b"")


def dated(path: Path, begin_at: datetime, latest_at: datetime | None) -> Iterator[bytes]:
    """The file of jobs with their deadlines as moments: their spans after `begin_at`, none after `latest_at`."""
    longest = None if latest_at is None else (latest_at - begin_at).total_seconds()

    def moment(span: bytes) -> bytes:
        seconds = float(span) if longest is None else min(float(span), longest)
        return (begin_at + timedelta(seconds=seconds)).isoformat().encode()

    with path.open("rb") as file:
        for line in file:
            wait, total, rest = line.split(b"\t", 2)
            yield b"\t".join((moment(wait), moment(total), rest))


def copy(session: Session, table: str, columns: Iterable[str], content: Iterable[bytes]) -> None:
    """Have Postgres read the content of a file into its table, inside the caller's transaction."""
    driver: Any = session.connection().connection.driver_connection
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as target:
        for piece in content:
            target.write(piece)


def _line(fields: list[str]) -> str:
    return "\t".join(fields) + "\n"


def _text(value: object) -> str:
    return _NULL if value is None else _escaped(str(value))


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _json(value: Mapping[str, object] | None) -> str:
    if value is None:
        return _NULL
    return _escaped(_ENCODER.encode(value)) if value else "{}"


def _array(words: list[str]) -> str:
    if not words:
        return "{}"
    quoted = ['"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words]
    return _escaped("{" + ",".join(quoted) + "}")
