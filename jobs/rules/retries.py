"""What to do after an attempt ended badly: again, when and how, or never; chance comes in as an argument."""

from dataclasses import dataclass
from enum import Enum, auto

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
APART_SECONDS = 120.0
TOLD_PAUSE_MAX_SECONDS = 3600.0
PROFILE_MAX = 1
WORKERS_LOST_MAX = 2
COLLECTS_MIN = 5
"""So often at least the upstream's video is fetched in vain before its job is sent there, and paid, anew."""


class Policy(Enum):
    """The ways to go on."""

    NEVER = auto()
    BACK_OFF = auto()
    AS_TOLD = auto()
    WAIT_OUT = auto()
    SMALLER = auto()


POLICIES: dict[str, Policy] = {
    "input": Policy.BACK_OFF,  # only where it is not permanent: the other side was away
    "moderation": Policy.NEVER,
    "no_credit": Policy.NEVER,
    "provider_refused": Policy.NEVER,
    "provider_busy": Policy.AS_TOLD,
    "provider_failed": Policy.BACK_OFF,
    "provider_away": Policy.WAIT_OUT,
    "possibly_charged": Policy.NEVER,
    "out_of_memory": Policy.SMALLER,
    "engine": Policy.BACK_OFF,
    "storage": Policy.WAIT_OUT,
    "worker_unfit": Policy.WAIT_OUT,
    "unchecked": Policy.BACK_OFF,
    "internal": Policy.BACK_OFF,
    "deadline": Policy.NEVER,
    "worker_lost": Policy.BACK_OFF,
}
"""Every error class and how it is gone on from."""


@dataclass(frozen=True)
class Again:
    """Try again after `pause_seconds`; `counts` says whether the attempt used one of those allowed."""

    pause_seconds: float
    counts: bool = True
    smaller: bool = False


@dataclass(frozen=True)
class GiveUp:
    """The job fails; `why` is added to its error where the caller could not see it otherwise."""

    why: str = ""


@dataclass(frozen=True)
class Record:
    """What a job has been through: the attempts that count, those allowed, all claims, and its memory profile."""

    attempt: int
    attempts_max: int
    claims: int = 1
    profile: int = 0


def after_error(
    error_class: str, record: Record, *, permanent: bool, told_seconds: float | None = None, chance: float
) -> Again | GiveUp:
    """Decide after an attempt ended with an error; `chance` is drawn from 0 to 1.

    Told to wait, we wait as told and the attempt does not count; nor does it where the bucket or the worker's machine
    was at fault: that is waited out until a deadline. Out of memory goes on at once, once, with a smaller profile. The
    rest backs off, doubling, with jitter on the upper half, until the attempts are used up.
    """
    policy = POLICIES.get(error_class, Policy.BACK_OFF)
    if permanent or policy is Policy.NEVER:
        return GiveUp()
    if policy is Policy.AS_TOLD:
        told = FIRST_PAUSE_SECONDS if told_seconds is None else told_seconds
        return Again(min(max(told, 0.0), TOLD_PAUSE_MAX_SECONDS), counts=False)
    if policy is Policy.WAIT_OUT:
        return Again(_pause(record.claims) * (0.5 + 0.5 * chance), counts=False)
    if record.attempt >= record.attempts_max:
        return GiveUp(f"given up after {record.attempt} attempts")
    if policy is Policy.SMALLER:
        return (
            Again(0.0, smaller=True) if record.profile < PROFILE_MAX else GiveUp("on the smallest memory profile too")
        )
    return Again(_pause(record.attempt) * (0.5 + 0.5 * chance))


def after_refused_key(record: Record, pause_seconds: float, times: int, *, is_jobs_fault: bool) -> Again | GiveUp:
    """Decide when the upstream refused a key for the job for the `times`-th time.

    `pause_seconds` is what is told of the key. The job waits longer: others go first once the key is tried again.
    """
    if is_jobs_fault and record.attempt >= record.attempts_max:
        return GiveUp(f"given up after {record.attempt} attempts")
    return Again(pause_seconds * 2.0 ** min(times, 2), counts=is_jobs_fault)


def after_lost_worker(
    workers_lost: int, record: Record, *, was_alone: bool = True, chance: float = 0.0
) -> Again | GiveUp:
    """Decide when the holder fell silent: again at once, but not once it took a second one down.

    `workers_lost` are those that held nothing else. Of many jobs any may have taken the holder down: that only uses up
    an attempt, and from the second on they come back apart, so that the others are not beside the culprit again.
    """
    if was_alone and workers_lost >= WORKERS_LOST_MAX:
        return GiveUp(f"set aside after it took {workers_lost} workers down")
    if record.attempt >= record.attempts_max:
        return GiveUp(f"given up after {record.attempt} attempts")
    return Again(0.0 if was_alone or record.attempt <= 1 else chance * _apart_seconds(record.attempt))


def elsewhere(verdict: Again | GiveUp) -> Again:
    """What becomes of the verdict when another engine takes the job: it goes on there, at once."""
    return Again(0.0, counts=isinstance(verdict, GiveUp) or verdict.counts)


def is_given_up(collects: int, waited_seconds: float, most_seconds: float) -> bool:
    """Whether a video that was fetched so often in vain, since so long, is not fetched any more."""
    return collects >= COLLECTS_MIN and waited_seconds >= most_seconds


def collect_pause_seconds(times: int, chance: float) -> float:
    """Pause before a video is fetched again that was fetched so many times in vain, with jitter on the upper half."""
    return _pause(times) * (0.5 + 0.5 * chance)


def _apart_seconds(attempt: int) -> float:
    """Over how long jobs are spread that lost their worker together, after `attempt`."""
    return min(APART_SECONDS * 2.0 ** min(attempt - 2, 20), LONGEST_PAUSE_SECONDS)


def _pause(attempt: int) -> float:
    """Seconds before the attempt after `attempt`, without jitter."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt - 1, 20), LONGEST_PAUSE_SECONDS)
