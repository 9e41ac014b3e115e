"""Batches, made and read the way a door and a worker do it."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobs import batches, lifecycle, storage, uploads
from jobs.accounts import Caller
from jobs.batches import BatchWish, Seen
from jobs.database import transaction
from jobs.rules.batches import key
from jobs.tables import Batch
from tests import factories
from workers import batching

ASKED = BatchWish()
"""A batch of which nothing is asked but its lines."""
TAKE_GOOD = BatchWish(on_bad_lines="take_good")


def lines(count: int, **changes: object) -> list[dict[str, object]]:
    return [factories.line(f"row-{number}", **changes) for number in range(1, count + 1)]


def read(caller: Caller, requests: Sequence[object], wish: BatchWish = ASKED) -> Seen:
    """A batch of these lines, once a worker has read them."""
    batch, _ = batches.create_from_array(caller, wish, requests)
    read_all()
    return batches.seen(caller, batch.id)


def read_file(caller: Caller, content: bytes, wish: BatchWish = ASKED) -> Seen:
    """A batch of an uploaded file, once a worker has read it."""
    batch, _ = batches.create_from_file(caller, wish, uploaded(caller, content))
    read_all()
    return batches.seen(caller, batch.id)


def read_all() -> None:
    batching.read_all()
    batching.probe_all()


def uploaded(caller: Caller, content: bytes) -> str:
    """The link that an upload of `content` gave."""
    with transaction() as session:
        upload = uploads.register(session, caller, "lines.jsonl", max(len(content), 1), "application/jsonl")
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        storage.put(Path(file.name), upload.object_key, upload.content_type)
    return uploads.link(upload)


def complete(count: int, engine: str = factories.ENGINE) -> None:
    for _ in range(count):
        claim = factories.claim(engine=engine)
        lifecycle.finish(claim, factories.output(claim))


def file_of(batch: Batch, name: str) -> str:
    """One of the batch's files, as it lies in the bucket."""
    with tempfile.TemporaryDirectory() as folder:
        storage.download(key(batch.account_id, batch.id, name), Path(folder) / name, 10**8)
        return (Path(folder) / name).read_text(encoding="utf-8")


def parsed(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]
