"""Holds the callers' book and the event history against each other, and says what was promised and not kept."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from jobs import history
from jobs.database import transaction
from jobs.history import Finding
from jobs.rules.states import State
from jobs.tables import Event, Job
from tests.story.chaos.callers import Book
from tests.story.chaos.faults import Storm
from tests.story.chaos.plan import Plan
from tests.story.chaos.world import World

_MAY_FAIL = {
    "fresh": {"worker_lost"},
    "rerun": {"worker_lost"},
    "unusable": {"input", "worker_lost"},
    "late": {"deadline", "worker_lost"},
}
"""The classes of error a job of each kind may end with. One that took two workers down is set aside, and says so."""


@dataclass
class Verdict:
    """`wrongs` is empty when every promise was kept."""

    findings: list[Finding]
    wrongs: list[str]
    outcomes: Counter[str]
    events: Counter[str] = field(default_factory=Counter)


def judge(world: World, plan: Plan, book: Book, storm: Storm) -> Verdict:
    """Look at everything, once all is calm. Raises Unavailable or StorageError if it is not."""
    findings = history.check(with_bucket=True, logs=world.logs())
    with transaction() as session:
        rows = list(session.scalars(select(Job)))
        kinds = Counter(session.scalars(select(Event.kind)))
    jobs = {job.id.hex: job for job in rows}
    wrongs = [
        *(f"{one.invariant} is broken: {one.promise}: {', '.join(one.broken)}" for one in findings if one.broken),
        *(f"not answered as it should be: {words}" for words in book.strange),
        *(f"never answered: {words}" for words in book.given_up),
        *(f"a program died: {words}" for words in world.deaths),
        *([] if storm.is_complete else ["a fault could not be carried out; see the trace above"]),
        *_of_the_book(book, jobs),
        *_of_the_jobs(plan, book, jobs),
    ]
    outcomes = Counter(f"{job.status} {job.error_class or ''}".strip() for job in rows)
    return Verdict(findings, wrongs, outcomes, kinds)


def _of_the_book(book: Book, jobs: dict[str, Job]) -> Iterator[str]:
    """Whatever was accepted is there, final, and was made once however often it was asked for."""
    for number, ids in book.ids.items():
        if len(ids) > 1:
            yield f"ask {number} was given {len(ids)} jobs: {', '.join(sorted(ids))}"
        for lost in ids - jobs.keys():
            yield f"ask {number} was given job {lost}, which is lost"
    for name in jobs.keys() - book.accepted:
        yield f"job {name} of ask {jobs[name].metadata_['ask']} was made, and nobody was told of it"


def _of_the_jobs(plan: Plan, book: Book, jobs: dict[str, Job]) -> Iterator[str]:
    """Each has ended, and in a way its kind may end."""
    asked = {job: plan.asks[number].kind for number, ids in book.ids.items() for job in ids}
    for name, job in jobs.items():
        kind = asked.get(name, "rerun")
        if not State(job.status).is_final:
            yield f"job {name} is still {job.status}"
        elif job.status == State.COMPLETED and kind == "unusable":
            yield f"job {name} made a video of something that is no picture"
        elif job.status == State.FAILED and job.error_class not in _MAY_FAIL[kind]:
            yield f"job {name}, {kind}, failed: {job.error}"
