"""Puts a file where an upload ticket says, in pieces, with the ticket's headers to the letter and no key."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from workers.engines.cloud.calls import UPLOAD
from workers.engines.cloud.errors import Away, Refused
from workers.engines.cloud.line import Line
from workers.engines.cloud.replies import PutInstruction

_PIECE_BYTES: Final = 2**18


@dataclass(frozen=True)
class Parcel:
    """A file to be put up, and what it says it is."""

    file: Path
    size_bytes: int
    content_type: str

    def form(self) -> dict[str, object]:
        """What a ticket is asked for with."""
        return {"filename": self.file.name, "size": self.size_bytes, "content_type": self.content_type}


async def put(line: Line, instruction: PutInstruction, parcel: Parcel) -> None:
    """Send the file. Raises Away or NotReached when another ticket may do, Refused when none will."""
    headers = {**instruction.headers, "Content-Length": str(parcel.size_bytes)}
    status = await line.put(UPLOAD, instruction.url, headers, _pieces(parcel.file))
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Refused(f"WaveSpeed's storage refused a file with {status}", status=status)
    raise Away(f"WaveSpeed's storage did not take a file: it answered {status}")


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while piece := await asyncio.to_thread(opened.read, _PIECE_BYTES):
            yield piece
