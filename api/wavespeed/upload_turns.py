"""Bounds what uploads through this door take of its disk: all of them together, and how many an account has at once."""

import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
from starlette.requests import Request

from api.body_room import BodyRoom
from jobs.errors import TooMany

ROOM_BYTES: Final = 4 * 2**30
"""The processes that share a door share its disk. A file on its way into the bucket takes its length once more."""
AT_ONCE: Final = 8
"""How many an account has at once in each process: of a single one half the room is left if each is of the longest."""
_SENTENCE: Final = (
    "Many files are being sent through this door; send the same request again, or ask /api/v3/media/uploads for a "
    "ticket and put the file into the bucket yourself."
)


def room(processes: int) -> BodyRoom:
    """On disk, for uploads of all accounts: the part of one of so many processes."""
    return BodyRoom(ROOM_BYTES // processes, sentence=_SENTENCE)


class UploadTurns:
    """So many uploads of an account at once; one more waits a while, and nothing of it is read meanwhile."""

    def __init__(self, count: int = AT_ONCE, patience_seconds: float = 5.0) -> None:
        self._count = count
        self._patience_seconds = patience_seconds
        self._under_way: Counter[uuid.UUID] = Counter()
        self._changed = anyio.Event()

    @asynccontextmanager
    async def of(self, account_id: uuid.UUID) -> AsyncIterator[None]:
        """A turn. Raises TooMany where none of the account's others ends in time."""
        with anyio.move_on_after(self._patience_seconds):
            while self._under_way[account_id] >= self._count:
                await self._changed.wait()
        if self._under_way[account_id] >= self._count:
            sentence = (
                f"{self._count} uploads of the account are under way at this door; send this one once one has ended."
            )
            raise TooMany(sentence, retry_after_seconds=5)
        self._under_way[account_id] += 1
        try:
            yield
        finally:
            self._under_way[account_id] -= 1
            self._under_way += Counter()  # without those who have none left
            self._changed.set()
            self._changed = anyio.Event()


def turns_of(request: Request) -> UploadTurns:
    """Those of the application that serves `request`."""
    found: UploadTurns = request.app.state.upload_turns
    return found
