"""Memory for the bodies that are in this process at once: more are put off until those are done with."""

from typing import Final

from starlette.types import Scope

from jobs.errors import Unavailable

ROOM_BYTES: Final = 192 * 2**20
"""What is made of a body takes a few times its length: three of the longest at a time stay below a gigabyte."""
SMALL_BYTES: Final = 32 * 2**10
"""A body up to here takes no room."""
_PLACE: Final = "duologue.body_place"


class BodyRoom:
    """So many bytes for all; a single body may have more."""

    def __init__(self, max_bytes: int = ROOM_BYTES) -> None:
        self.max_bytes = max_bytes
        self.taken_bytes = 0


class Place:
    """What one request takes of it, until it leaves."""

    def __init__(self, room: BodyRoom, scope: Scope) -> None:
        self._room = room
        self._bytes = 0
        scope[_PLACE] = self

    def widen(self, length_bytes: int) -> None:
        """Take what a body of that length needs. Raises Unavailable where the others leave too little."""
        more_bytes = length_bytes - self._bytes
        if length_bytes <= SMALL_BYTES or more_bytes <= 0:
            return
        is_alone = self._room.taken_bytes == self._bytes
        if not is_alone and self._room.taken_bytes + more_bytes > self._room.max_bytes:
            sentence = "Many large requests are being taken in; send the same request again, or upload its media first."
            raise Unavailable(sentence, retry_after_seconds=2)
        self._room.taken_bytes += more_bytes
        self._bytes = length_bytes

    def leave(self) -> None:
        """Give it back; twice is once."""
        self._room.taken_bytes -= self._bytes
        self._bytes = 0


def leave(scope: Scope) -> None:
    """Give back what the request of `scope` took: nothing of its body is kept any more."""
    place: Place = scope[_PLACE]
    place.leave()
