"""Sends a video inside the JSON, as base64, in memory that does not grow with the video."""

import base64
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from starlette.responses import StreamingResponse

from jobs import storage

_PIECE_BYTES = 3 * 2**18  # a multiple of three: pieces then join without padding between them


def stream(head: str, key: str, size_bytes: int, tail: str) -> StreamingResponse:
    """`head`, the object in bare base64, `tail`. Raises StorageError before anything is sent."""
    file = _fetched(key, size_bytes)
    length = len(head.encode()) + 4 * -(-os.fstat(file.fileno()).st_size // 3) + len(tail.encode())
    return StreamingResponse(
        _pieces(head, file, tail), headers={"Content-Length": str(length)}, media_type="application/json"
    )


def _fetched(key: str, size_bytes: int) -> IO[bytes]:
    """The object in an open file that has no name any more, so that it goes with whoever reads it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        storage.download(key, path, size_bytes, read_seconds=storage.CALLER_WAITS_SECONDS)
        return path.open("rb")


def _pieces(head: str, file: IO[bytes], tail: str) -> Iterator[bytes]:
    with file:
        yield head.encode()
        while piece := file.read(_PIECE_BYTES):
            yield base64.b64encode(piece)
        yield tail.encode()
