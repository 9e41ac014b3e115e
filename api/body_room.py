"""Room for the bodies that are in this process at once: more wait a while for it, and are put off then."""

from typing import Final

import anyio
from starlette.types import Scope

from jobs.errors import Unavailable

ROOM_BYTES: Final = 192 * 2**20
"""What is made of a body takes a few times its length: three of the longest at a time stay below a gigabyte."""
STRANGERS_BYTES: Final = 32 * 2**20
"""What nobody has vouched for yet has this much of its own, and never keeps an order waiting."""
SMALL_BYTES: Final = 32 * 2**10
"""A body up to here takes no room."""
_PLACE: Final = "duologue.body_place"
_SENTENCE: Final = "Many large requests are being taken in; send the same request again, or upload its media first."


class BodyRoom:
    """So many bytes for all; a single body may have more."""

    def __init__(self, max_bytes: int = ROOM_BYTES, patience_seconds: float = 5.0, sentence: str = _SENTENCE) -> None:
        self.max_bytes = max_bytes
        self.sentence = sentence
        self.patience_seconds = patience_seconds
        self.taken_bytes = 0
        self.changed = anyio.Event()

    def give_back(self, some_bytes: int) -> None:
        """Tell whoever waits for room, too; `changed` is another from then on."""
        self.taken_bytes -= some_bytes
        self.changed.set()
        self.changed = anyio.Event()


class Place:
    """What one request takes of it, until it leaves for good."""

    def __init__(self, room: BodyRoom, scope: Scope) -> None:
        self._room = room
        self._bytes = 0
        self._has_left = False
        scope[_PLACE] = self

    async def widen(self, length_bytes: int) -> None:
        """Take what a body of that length needs. Raises Unavailable where the others leave too little for too long."""
        more_bytes = length_bytes - self._bytes
        if self.has_left() or length_bytes <= SMALL_BYTES or more_bytes <= 0:
            return
        with anyio.move_on_after(self._room.patience_seconds):
            while not self._fits(more_bytes):
                await self._room.changed.wait()
        if self.has_left():  # meanwhile: the answer has begun
            return
        if not self._fits(more_bytes):
            raise Unavailable(self._room.sentence, retry_after_seconds=2)
        self._room.taken_bytes += more_bytes
        self._bytes = length_bytes

    def leave(self) -> None:
        """Give it back and take no more: what still comes is passed over. Twice is once."""
        self._has_left = True
        if self._bytes:
            self._room.give_back(self._bytes)
            self._bytes = 0

    def has_left(self) -> bool:
        return self._has_left

    def _fits(self, more_bytes: int) -> bool:
        is_alone = self._room.taken_bytes == self._bytes
        return is_alone or self._room.taken_bytes + more_bytes <= self._room.max_bytes


def leave(scope: Scope) -> None:
    """Give back what the request of `scope` took, if any: nothing of its body is kept, whatever still comes."""
    place: Place | None = scope.get(_PLACE)
    if place is not None:
        place.leave()
