"""What can go wrong between us and the upstream, as one small tree; to everybody else each is an EngineError.

EngineError
└── UpstreamError
    ├── NotReached        nothing was sent: asking again is safe, whatever was asked
    ├── Abandoned         nothing was sent, and it is not asked again: whoever wanted it had no right to it any more
    ├── Away              asked, but there is no usable answer; only of calls that change nothing
    ├── Busy              429: not now
    ├── KeyRefused        this key cannot be used: unknown, without the right, or out of credit
    ├── Refused           a definite no to this request; `status` says which
    ├── Unreadable        an answer that is not what was promised
    ├── OutcomeUnknown    a submit that may have been accepted, and so may be charged: look it up, never send it again
    ├── TaskFailed        the upstream took the job and failed; `task_code` is its own
    ├── OutputMissing     the video is not where the upstream said it is
    └── OutputBroken      the video did not come whole
"""

from typing import ClassVar

from jobs.errors import EngineError


class UpstreamError(EngineError):
    """A sentence in which neither a key nor the signed part of a link stands.

    `pause_seconds` is how long the upstream told us to wait; `key` names the upstream key the call was made with.
    """

    error_class: str = "provider_failed"
    is_permanent: ClassVar[bool] = False

    def __init__(self, message: str, *, key: str = "", pause_seconds: float | None = None) -> None:
        super().__init__(message, permanent=self.is_permanent, error_class=self.error_class)
        self.key = key
        self.pause_seconds = pause_seconds


class NotReached(UpstreamError):
    """No connection was made, so nothing can have happened. The job is not at fault, and its attempt does not count."""

    error_class = "provider_away"


class Abandoned(UpstreamError):
    """Nothing was sent: when its turn came whoever wanted it sent had no right to any more."""


class Away(UpstreamError):
    """A call that changes nothing was not answered, or with an error of the upstream's own."""


class Busy(UpstreamError):
    """Too many requests. The job is not at fault, and its attempt does not count."""

    error_class = "provider_busy"


class KeyRefused(UpstreamError):
    """The upstream will have nothing more of this key for now; another may do. The job is not at fault."""

    error_class = "provider_busy"

    def __init__(self, message: str, *, status: int, key: str = "", pause_seconds: float | None = None) -> None:
        super().__init__(message, key=key, pause_seconds=pause_seconds)
        self.status = status


class Refused(UpstreamError):
    """The same request would be refused again."""

    error_class = "provider_refused"
    is_permanent = True

    def __init__(self, message: str, *, status: int, key: str = "") -> None:
        super().__init__(message, key=key)
        self.status = status


class Unreadable(UpstreamError):
    """The answer breaks the contract; the text says where."""


class OutcomeUnknown(UpstreamError):
    """Permanent, so that whoever does not know this class does not send the job, and pay for it, a second time."""

    is_permanent = True


class TaskFailed(UpstreamError):
    """What the upstream itself says of a task that came to nothing."""

    def __init__(self, message: str, *, task_code: int, error_class: str, permanent: bool) -> None:
        super().__init__(message)
        self.task_code = task_code
        self.code = task_code or self.code
        self.error_class = error_class
        self.permanent = permanent


class OutputMissing(UpstreamError):
    """The job is done and paid: its video is asked for again, the job itself is not sent again."""


class OutputBroken(UpstreamError):
    """As OutputMissing; what came was cut short, changed on the way, or is no video."""
