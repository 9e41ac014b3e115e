"""Holds callers, jobs, history and bill against each other, and says what was promised and not kept."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select

from jobs import history
from jobs.database import transaction
from jobs.history import Finding
from jobs.rules.states import State
from jobs.tables import Event, Job, UpstreamTry
from tests.story.chaos.callers import Book
from tests.story.cloud import bill
from tests.story.cloud.bill import Comparison
from tests.story.cloud.plan import Plan
from tests.story.cloud.world import World

_MAY_FAIL = {
    "worker_lost",
    "deadline",
    "no_credit",
    "moderation",
    "possibly_charged",
    "provider_failed",
    "provider_refused",
    "input",
}
"""What a job may fail with, with an upstream that fails in every way it can."""

_PUT_TO_THE_TEST = {"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10"}
_COMPLETED_SHARE = 0.5
_OURS = ("Traceback", "forwarder.failed", "job.crashed", "chore.failed")


@dataclass
class Verdict:
    """`wrongs` is empty when every promise was kept."""

    findings: list[Finding]
    wrongs: list[str]
    outcomes: Counter[str]
    tries: Counter[str]
    events: Counter[str]
    bill: Comparison


def judge(world: World, plan: Plan, book: Book) -> Verdict:
    """Look at everything, once all is calm."""
    findings = history.check(with_bucket=True, logs=world.logs())
    with transaction() as session:
        jobs = {job.id.hex: job for job in session.scalars(select(Job))}
        tries = Counter(str(outcome) for outcome in session.scalars(select(UpstreamTry.outcome)))
        events = Counter(session.scalars(select(Event.kind)))
    compared = bill.compare(world.fake)
    wrongs = [
        *(f"{one.invariant} is broken: {one.promise}: {', '.join(one.broken)}" for one in findings if one.broken),
        *_untested(findings),
        *(f"not answered as it should be: {words}" for words in book.strange),
        *(f"never answered: {words}" for words in book.given_up),
        *(f"a program died: {words}" for words in world.crew.deaths),
        *_of_the_jobs(plan, book, jobs),
        *_of_the_logs(world),
        *world.ear.wrongs(),
        *compared.wrongs,
    ]
    outcomes = Counter(f"{job.status} {job.error_class or ''}".strip() for job in jobs.values())
    return Verdict(findings, wrongs, outcomes, tries, events, compared)


def _untested(findings: list[Finding]) -> Iterator[str]:
    tested = {one.invariant for one in findings if one.subjects}
    yield from (f"{invariant} was not put to the test" for invariant in sorted(_PUT_TO_THE_TEST - tested))


def _of_the_jobs(plan: Plan, book: Book, jobs: dict[str, Job]) -> Iterator[str]:
    """Whatever was accepted is there, was made once, and has ended in a way it may end; most have a video."""
    for number, ids in book.ids.items():
        if len(ids) > 1:
            yield f"ask {number} was given {len(ids)} jobs: {', '.join(sorted(ids))}"
    yield from (f"job {name} was accepted, and is lost" for name in sorted(book.accepted - jobs.keys()))
    yield from (f"job {name} was made, and nobody was told of it" for name in sorted(jobs.keys() - book.accepted))
    for name, job in jobs.items():
        if not State(job.status).is_final:
            yield f"job {name} is still {job.status}"
        if job.status == State.FAILED and job.error_class not in _MAY_FAIL:
            yield f"job {name} failed: {job.error_class}, {job.error}"
    completed = sum(job.status == State.COMPLETED for job in jobs.values())
    if completed < _COMPLETED_SHARE * plan.jobs:
        yield f"only {completed} of {plan.jobs} jobs have a video"


def _of_the_logs(world: World) -> Iterator[str]:
    """No fault of ours was met: the edges that catch them write them down. A chore may miss the upstream once."""
    for path in world.house.folder.glob("*.log"):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if any(word in line for word in _OURS) and 'chore=reconcile reason="WaveSpeed' not in line:
                yield f"{path.name}:{number}: {line[:300]}"
