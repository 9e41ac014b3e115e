"""What one courier holds, receiver by receiver; how much more it may take of each grows as that one answers well."""

import time
import uuid
from collections import deque
from collections.abc import Sequence

from jobs.webhooks import Letter

FRESH = 4
"""How many are taken of a receiver that nothing is known of."""
_FIRST_WINDOW = 2
_AHEAD = 8
_KNOWN_SECONDS = 5.0


class Lane:
    """The letters to one receiver: those that wait here, and how many are on their way.

    `window` is how many may be on their way at once: two at first, one more for each that arrives, one while it fails.
    """

    def __init__(self, letter: Letter) -> None:
        self.queue: deque[Letter] = deque()
        self.posting = 0
        self._most = letter.concurrency
        self._window = min(_FIRST_WINDOW, self._most)
        self.is_failing = letter.is_failing
        self._heard_at = time.monotonic()
        self._has_answered = False

    @property
    def held(self) -> int:
        return len(self.queue) + self.posting

    @property
    def room(self) -> int:
        """How many more may be taken, to wait here while others are on their way; few until it has answered."""
        most = 1 if self.is_failing else _AHEAD * self._window if self._has_answered else FRESH
        return max(0, most - self.held)

    @property
    def may_post(self) -> bool:
        return bool(self.queue) and self.posting < (1 if self.is_failing else self._window)

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing was held or heard for a while."""
        return not self.held and time.monotonic() - self._heard_at > _KNOWN_SECONDS

    def limit(self, most: int) -> None:
        """Have at most so many on their way from now on: its owner may change that at any time."""
        self._most = most
        self._window = min(self._window, most)

    def begin(self) -> Letter:
        """The next to post."""
        self.posting += 1
        return self.queue.popleft()

    def learn(self, *, is_trouble: bool) -> None:
        """Take in how a post ended."""
        self._heard_at = time.monotonic()
        self.is_failing = is_trouble
        self._has_answered = not is_trouble
        self._window = min(_FIRST_WINDOW, self._most) if is_trouble else min(self._window + 1, self._most)

    def give_back(self) -> list[Letter]:
        """All that waits here, for others or for later."""
        waiting = list(self.queue)
        self.queue.clear()
        return waiting


class Lanes:
    """All receivers that something is held for, or was lately."""

    def __init__(self) -> None:
        self._lanes: dict[uuid.UUID, Lane] = {}
        self.held = 0

    def take_in(self, letters: Sequence[Letter]) -> list[Lane]:
        """Queue these; the lanes that have something new."""
        touched = {}
        for letter in letters:
            if (lane := self._lanes.get(letter.lane)) is None:
                lane = self._lanes[letter.lane] = Lane(letter)
            lane.limit(letter.concurrency)
            lane.queue.append(letter)
            touched[letter.lane] = lane
        self.held += len(letters)
        return list(touched.values())

    def rooms(self) -> dict[uuid.UUID, int]:
        """How many more of each known lane there is room for."""
        self._lanes = {name: lane for name, lane in self._lanes.items() if not lane.is_forgotten}
        return {name: lane.room for name, lane in self._lanes.items()}

    def give_back(self) -> list[Letter]:
        """All that waits in any lane."""
        found = [letter for lane in self._lanes.values() for letter in lane.give_back()]
        self.held -= len(found)
        return found
