"""How a holder lets go of a job: finished, stumbled, cancelled or handed back; refused when its fence is stale."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from jobs import health, settings
from jobs.database import transaction
from jobs.errors import DeadlinePassed, JobError
from jobs.lifecycle import completing, moves, rerouting, tries
from jobs.lifecycle.completing import End
from jobs.lifecycle.holding import Claim, held
from jobs.rules import retries
from jobs.rules.retries import Again, GiveUp
from jobs.rules.states import State
from jobs.tables import Job, UpstreamTry

_NOT_REACHED = "provider_away"


@dataclass(frozen=True)
class Output:
    """The finished video as it lies in the bucket; sizes in pixels. `is_checked`: our own checker looked at it."""

    key: str
    bytes: int
    sha256: str
    width: int
    height: int
    frames: int
    seconds: float
    is_flagged: bool = False
    is_checked: bool = False


def finish(
    claim: Claim,
    output: Output,
    *,
    warnings: tuple[str, ...] = (),
    inference_ms: int = 0,
    stages: Mapping[str, float] | None = None,
) -> None:
    """Complete the job with its video; `stages` says how many seconds each took.

    Raises LeaseLost when another holds it: the video stays unpublished.
    """
    completing.complete(End(claim, asdict(output), warnings, inference_ms, stages or {}))


def stumble(claim: Claim, error: JobError) -> None:
    """An attempt ended without a video: try again later, or fail, as the rules say. Raises LeaseLost."""
    with transaction() as session:
        go_on(session, held(session, claim), error)


def not_collected(claim: Claim, error: JobError) -> None:
    """The video at the upstream did not come: it is fetched again for hours, then the attempt has failed.

    Where nobody was reached, that may be our own network: it is fetched again until a deadline. Raises LeaseLost.
    """
    assert claim.arrival is not None  # noqa: S101 - only who was given one may say so
    is_reached = error.error_class != _NOT_REACHED
    with transaction() as session:
        job = held(session, claim)
        one = session.get_one(UpstreamTry, claim.arrival.try_id)
        one.collects += int(is_reached)
        if is_reached and _is_given_up(session, job, one):
            tries.collected(session, one.id)
            go_on(session, job, error)
        else:
            times = one.collects if is_reached else job.fence
            pause_seconds = retries.collect_pause_seconds(times, random.random())  # noqa: S311 - jitter
            moves.again(session, job, Again(pause_seconds), "job.not_collected", reason=str(error))


def _is_given_up(session: Session, job: Job, one: UpstreamTry) -> bool:
    assert one.ended_at is not None  # noqa: S101 - it is fetched because it has ended
    waited_seconds = (moves.now(session) - one.ended_at).total_seconds()
    half_seconds = (job.finish_until - one.ended_at).total_seconds() / 2
    most_seconds = min(settings.load().wavespeed_collect_seconds, half_seconds)
    return retries.is_given_up(one.collects, waited_seconds, most_seconds)


def go_on(session: Session, job: Job, error: JobError, verdict: Again | GiveUp | None = None) -> None:
    """Go on with a job, locked, after an attempt ended with `error`: with another engine, again, or not at all."""
    engine, profile = job.engine, job.profile
    verdict = verdict or retries.after_error(
        error.error_class,
        retries.Record(job.attempt, settings.load().attempts_max, claims=job.fence, profile=profile),
        permanent=error.permanent,
        told_seconds=error.pause_seconds,
        chance=random.random(),  # noqa: S311 - jitter
    )
    route = None if error.permanent else rerouting.reroute(session, job, error.error_class)
    if route is not None:
        verdict = retries.elsewhere(verdict)
    if isinstance(verdict, GiveUp):
        moves.fail(session, job, error, verdict.why)
    else:
        said: dict[str, Any] = {"reason": str(error), "error_class": error.error_class}
        moves.again(session, job, verdict, "job.stumbled", route=route, **said)
    health.record_failure(session, engine, job.id, error.error_class, permanent=error.permanent, profile=profile)


def hand_back(claim: Claim) -> None:
    """Give the job up unfinished and unharmed, for another worker to take at once. Raises LeaseLost."""
    with transaction() as session:
        moves.again(session, held(session, claim), Again(0.0, counts=False), "job.handed_back")


def confirm_cancel(claim: Claim) -> None:
    """The rendering is dead: now the cancel is true. Raises LeaseLost."""
    with transaction() as session:
        moves.end(session, held(session, claim), State.CANCELLED, "job.cancelled")


def overrun(claim: Claim) -> None:
    """The rendering is dead because a deadline passed while it ran. Raises LeaseLost."""
    with transaction() as session:
        job = held(session, claim)
        moves.fail(session, job, moves.passed_deadline(session, job) or DeadlinePassed("a deadline passed"))
