"""What this forwarder is sending: kept alive with a word every few seconds, and let go of when that fails."""

import time
import uuid

from jobs.lifecycle import forwarding
from jobs.lifecycle.forwarding import HOLD_SECONDS

_MARGIN_SECONDS = 5.0
"""Nothing is begun so shortly before others may think us dead."""


def moment() -> float:
    """Seconds by a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Hands:
    """The tries in this process's hands, and until when it may begin to send each."""

    def __init__(self) -> None:
        self._until: dict[uuid.UUID, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def take(self, try_ids: list[uuid.UUID], asked_at: float) -> None:
        """Hold these; `asked_at` is a `moment` before they were written down as ours."""
        self._until |= dict.fromkeys(try_ids, asked_at + HOLD_SECONDS - _MARGIN_SECONDS)

    def drop(self, try_id: uuid.UUID) -> None:
        self._until.pop(try_id, None)

    def may_send(self, try_id: uuid.UUID) -> bool:
        """Whether nobody else can believe by now that we are dead."""
        return moment() < self._until.get(try_id, 0.0)

    def say_alive(self) -> None:
        """Tell Postgres that all of them are still being sent, and let go of what is not ours any more.

        Raises Unavailable.
        """
        held, asked_at = list(self._until), moment()
        if not held:
            return
        ours = forwarding.still_sending(held)
        self.take([try_id for try_id in held if try_id in ours and try_id in self._until], asked_at)
        for try_id in held:
            if try_id not in ours:
                self.drop(try_id)
