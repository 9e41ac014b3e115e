"""Says what an answer that is no success means, in words that give nothing secret away."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from workers.engines.cloud.calls import Call
from workers.engines.cloud.errors import (
    Away,
    Busy,
    KeyRefused,
    OutcomeUnknown,
    Refused,
    TaskFailed,
    Unreadable,
    UpstreamError,
)
from workers.engines.cloud.replies import Prediction

_QUERY: Final = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*", re.IGNORECASE)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_QUOTED_LETTERS: Final = 300
# The upstream may have been about to take the request when it said these.
_OWN_TROUBLE: Final = frozenset({408, 425})
_KEY_TROUBLE: Final = {
    401: "does not know the key",
    402: "has no credit left for the key",
    403: "does not let the key do this",
}
_KEY_PAUSE_SECONDS: Final = 300.0
"""How long a key that was refused is left alone: somebody must pay or mend a setting first."""

LONGEST_PAUSE_SECONDS: Final = 3600.0
_SECONDS: Final = re.compile(r"\d{1,300}(\.\d{0,9})?", re.ASCII)

_TASK_FAILURES: Final = {
    1200: ("moderation", True),
    1400: ("provider_refused", True),
    1401: ("provider_refused", True),
    1402: ("input", False),
    1403: ("provider_failed", False),
    1405: ("provider_failed", False),
    5000: ("provider_failed", False),
    5003: ("provider_failed", False),
}
"""The task codes of a failed job: our word for it, and whether the same job would fail again."""


def why_refused(call: Call, status: int, said: str, key: str, pause_seconds: float | None) -> UpstreamError:
    """The error for an answer with `status`, other than 200, to `call`; `said` is the upstream's own sentence."""
    because = f": {said}" if said else ""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Busy(f"WaveSpeed takes no more requests for the moment{because}", key=key, pause_seconds=pause_seconds)
    if status in _KEY_TROUBLE:
        sentence = f"WaveSpeed {_KEY_TROUBLE[status]} {key}{because}"
        return KeyRefused(sentence, status=status, key=key, pause_seconds=pause_seconds or _KEY_PAUSE_SECONDS)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _OWN_TROUBLE:
        return Refused(f"WaveSpeed refused {call.what} with {status}{because}", status=status, key=key)
    return unanswered(call, f"it answered {status}{because}", key, pause_seconds)


def unanswered(call: Call, why: str, key: str, pause_seconds: float | None = None) -> UpstreamError:
    """The error for a call that was sent, and of which nobody knows what came of it."""
    if call.creates:
        return OutcomeUnknown(f"Whether WaveSpeed took the job is not known: {why}", key=key)
    return Away(f"WaveSpeed did not answer {call.what}: {why}", key=key, pause_seconds=pause_seconds)


def unreadable(call: Call, error: Unreadable, key: str) -> UpstreamError:
    """The error for a success that cannot be read: after a submit it leaves open what was taken."""
    return unanswered(call, str(error), key) if call.creates else error


def why_failed(prediction: Prediction) -> TaskFailed:
    """The error for a job that is final without a video."""
    error_class, permanent = _TASK_FAILURES.get(prediction.code, ("provider_failed", False))
    said = quoted(prediction.error) or "no reason was given"
    ended = "failed" if prediction.status in {"failed", "completed"} else f"was {prediction.status}"
    code = f" with code {prediction.code}" if prediction.code else ""
    sentence = f"The job {ended} at WaveSpeed{code}: {said}"
    return TaskFailed(sentence, task_code=prediction.code, error_class=error_class, permanent=permanent)


def quoted(text: str) -> str:
    """The upstream's words, fit for our log: one line, not too long, links without their signed part."""
    line = _UNPRINTABLE.sub(" ", _QUERY.sub(r"\1", text)).strip().rstrip(".")
    return line if len(line) <= _QUOTED_LETTERS else f"{line[:_QUOTED_LETTERS]}…"


def told_pause_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read `Retry-After`, seconds or a date; None where it says nothing of use.

    However much it says, nobody rests longer than LONGEST_PAUSE_SECONDS on the word of one answer.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_PAUSE_SECONDS)
    told = moment(text)
    return None if told is None else min(max((told - now).total_seconds(), 0.0), LONGEST_PAUSE_SECONDS)


def moment(text: str) -> datetime | None:
    """The moment a header of HTTP names; None where it names none."""
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)
