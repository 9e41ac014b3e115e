"""How a holder lets go of a job: finished, stumbled, cancelled or handed back; refused when its fence is stale."""

import random
from dataclasses import asdict, dataclass

from jobs import settings
from jobs.database import transaction
from jobs.errors import DeadlinePassed, JobError
from jobs.lifecycle import moves
from jobs.lifecycle.holding import Claim, held
from jobs.rules import retries
from jobs.rules.retries import Again, GiveUp
from jobs.rules.states import State


@dataclass(frozen=True)
class Output:
    """The finished video as it lies in the bucket; sizes in pixels."""

    key: str
    bytes: int
    sha256: str
    width: int
    height: int
    frames: int
    seconds: float


def finish(claim: Claim, output: Output, *, warnings: tuple[str, ...] = (), inference_ms: int = 0) -> None:
    """Complete the job with its video. Raises LeaseLost when another holds it: the video stays unpublished."""
    with transaction() as session:
        job = held(session, claim)
        job.output, job.warnings, job.inference_ms = asdict(output), list(warnings), inference_ms
        job.progress = 1.0
        moves.end(session, job, State.COMPLETED, "job.completed", seconds=output.seconds, inference_ms=inference_ms)


def stumble(claim: Claim, error: JobError) -> None:
    """An attempt ended without a video: try again later, or fail, as the rules say. Raises LeaseLost."""
    with transaction() as session:
        job = held(session, claim)
        verdict = retries.after_error(
            error.error_class,
            retries.Record(job.attempt, settings.load().attempts_max, claims=job.fence, profile=job.profile),
            permanent=error.permanent,
            told_seconds=error.pause_seconds,
            chance=random.random(),  # noqa: S311 - jitter
        )
        if isinstance(verdict, GiveUp):
            moves.fail(session, job, error, verdict.why)
        else:
            moves.again(session, job, verdict, "job.stumbled", reason=str(error), error_class=error.error_class)


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
