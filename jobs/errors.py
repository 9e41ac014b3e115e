"""The errors this house raises on purpose, as one tree; anything else is a bug and crashes.

DuologueError
├── CallerError            the caller can mend it; the door answers with `status` and the sentence
│   ├── NotAuthenticated       401
│   ├── NoCredit               402
│   ├── NotAllowed             403
│   ├── NotFound               404
│   ├── WrongMethod            405
│   ├── TooSlow                408
│   ├── Conflict               409
│   ├── TooLarge               413
│   ├── TooMany                429
│   ├── InvalidInput           400: not understood at all
│   │   ├── MissingInput       400, task code 1400
│   │   └── WrongInput         400, task code 1401
│   └── Unavailable            503
├── JobError               why one job cannot go on; becomes its `error`, `code` and error class
│   ├── MediaError             1402: an input cannot be fetched or used
│   ├── EngineError            1403: the engine could not render
│   ├── StorageError           5003: the bucket would not take or give an object
│   ├── WorkerUnfit            1405: the worker's machine has no room or memory left, or cannot load its libraries
│   ├── Unchecked              1405: the owner's program that looks at finished videos gave no answer
│   ├── WorkerLost             1405: the holder fell silent
│   ├── PossiblyCharged        1405: the upstream may have taken and charged it, and nobody can tell
│   ├── CannotPay              1405: longer than declared, and the account cannot pay the rest
│   └── DeadlinePassed         1405: it waited, ran or took too long
├── LeaseLost              another worker holds the job now; whoever sees this stops at once
├── WrongSetting           a setting stops the program at the door
└── TableInUse             a migration waited in vain for a table; nothing was changed
"""

from typing import ClassVar


class DuologueError(Exception):
    """Whatever this house raises on purpose; its text is a whole sentence that says what to do."""


class CallerError(DuologueError):
    """A request that cannot be served as it stands."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"

    def __init__(self, message: str, *, field: str | None = None, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.retry_after_seconds = retry_after_seconds


class NotAuthenticated(CallerError):
    """No key, an unknown key, or a revoked one."""

    status = 401
    code = "unauthorized"


class NoCredit(CallerError):
    """A prepaid account has less than the order costs, or its budget is used up."""

    status = 402
    code = "no_credit"


class NotAllowed(CallerError):
    """The key is good but lacks the right."""

    status = 403
    code = "forbidden"


class NotFound(CallerError):
    """Nothing of that name, or nothing this account may know of: both answer the same."""

    status = 404
    code = "not_found"


class WrongMethod(CallerError):
    """The path exists, the method does not."""

    status = 405
    code = "method_not_allowed"


class TooSlow(CallerError):
    """The body took too long to arrive."""

    status = 408
    code = "too_slow"


class Conflict(CallerError):
    """The request contradicts what is already so."""

    status = 409
    code = "conflict"


class TooLarge(CallerError):
    """The body or file is over its limit."""

    status = 413
    code = "too_large"


class TooMany(CallerError):
    """More than the account may submit a minute, have waiting, or send at once."""

    status = 429
    code = "too_many"


class InvalidInput(CallerError):
    """A form that is not understood; `field` names the culprit where there is one."""

    status = 400
    code = "invalid_input"
    task_code: ClassVar[int | None] = None


class MissingInput(InvalidInput):
    """A required field is absent, null or empty."""

    code = "missing_input"
    task_code = 1400


class WrongInput(InvalidInput):
    """A field has a value it cannot have."""

    code = "wrong_input"
    task_code = 1401


class Unavailable(CallerError):
    """Something we need is away for the moment; the same request may be sent again."""

    status = 503
    code = "unavailable"


class JobError(DuologueError):
    """Why one attempt ended without a video.

    `code` is the task code the caller sees; `error_class` is the word that retries, metrics and operators group by
    (rules/retries.py has the list); `permanent` says that trying again cannot help; `pause_seconds` is how long
    whoever refused us told us to wait.
    """

    code: int = 1405
    error_class: str = "internal"

    def __init__(self, message: str, *, permanent: bool = False, pause_seconds: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.pause_seconds = pause_seconds


class MediaError(JobError):
    """An input cannot be fetched, or is not what its field needs; `field` names it."""

    code = 1402
    error_class = "input"

    def __init__(self, field: str, reason: str, *, permanent: bool = True) -> None:
        super().__init__(f"{field}: {reason}", permanent=permanent)
        self.field = field
        self.reason = reason


class EngineError(JobError):
    """The only error an engine raises."""

    code = 1403
    error_class = "engine"

    def __init__(self, message: str, *, permanent: bool, error_class: str = "engine") -> None:
        super().__init__(message, permanent=permanent)
        self.error_class = error_class


class StorageError(JobError):
    """The bucket did not take or give an object; the rendering is kept and only the storing repeated."""

    code = 5003
    error_class = "storage"


class WorkerUnfit(JobError):
    """The worker's machine cannot work as it stands: a full disk, a broken library. The job is not at fault."""

    error_class = "worker_unfit"


class Unchecked(JobError):
    """The owner's program that looks at finished videos gave no answer; the engine has done well."""

    error_class = "unchecked"


class WorkerLost(JobError):
    """The holder fell silent; whatever it was doing, it is not known to have done it."""

    error_class = "worker_lost"


class PossiblyCharged(JobError):
    """The upstream may have taken the job and charged it; it is not sent again without permission."""

    error_class = "possibly_charged"


class CannotPay(JobError):
    """The media are longer than the money held for them, and the account cannot pay the rest; nothing is charged."""

    error_class = "no_credit"


class DeadlinePassed(JobError):
    """The job waited, ran or took longer than it may; the text says which."""

    error_class = "deadline"


class LeaseLost(DuologueError):
    """The fence has moved on: this holder's work no longer counts."""


class WrongSetting(DuologueError):
    """A setting that cannot work; the text names it and says what to write instead."""


class TableInUse(DuologueError):
    """A migration waited in vain for a table that somebody held on to; nothing was changed."""
