"""Holds the callers' book and the event history against each other, and says what was promised and not kept."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from jobs import history, storage
from jobs.database import transaction
from jobs.history import Finding
from jobs.rules import keys
from jobs.rules.batches import Status
from jobs.rules.states import State
from jobs.tables import ArchivedEvent, ArchivedJob, Batch, Event, Job, LedgerEntry
from tests.story.chaos.callers import Book
from tests.story.chaos.faults import Storm
from tests.story.chaos.payers import SECOND_USD
from tests.story.chaos.plan import BATCH_LINES, Ask, Plan
from tests.story.chaos.world import World
from workers.chores import sweep

Rows = Mapping[str, Job | ArchivedJob]

_MAY_FAIL = {
    "fresh": {"worker_lost", "no_credit"},
    "rerun": {"worker_lost", "no_credit"},
    "unusable": {"input", "worker_lost"},
    "late": {"deadline", "worker_lost", "no_credit"},
}
"""The classes of error a job of each kind may end with. One that took two workers down is set aside, and says so."""

_PUT_TO_THE_TEST = {"I1", "I2", "I3", "I4", "I6", "I8", "I9"}
_BATCH_FAILED = re.compile(r"event=batch\.completed batch=(\w+) status=failed")
_CLOCKS_APART_SECONDS = 1


@dataclass
class Verdict:
    """`wrongs` is empty when every promise was kept."""

    findings: list[Finding]
    wrongs: list[str]
    outcomes: Counter[str]
    events: Counter[str]
    entries: Counter[str]
    archived: int
    opened: int
    """Batches that have jobs; the others were refused as a whole."""


def judge(world: World, plan: Plan, book: Book, storm: Storm) -> Verdict:
    """Look at everything, once all is calm. Raises Unavailable or StorageError if it is not."""
    findings = history.check(with_bucket=True, logs=world.logs())
    with transaction() as session:
        rows = [*session.scalars(select(Job)), *session.scalars(select(ArchivedJob))]
        events = [*session.scalars(select(Event.kind)), *session.scalars(select(ArchivedEvent.kind))]
        entries = Counter(session.scalars(select(LedgerEntry.kind)))
    jobs = {job.id.hex: job for job in rows}
    wrongs = [
        *(f"{one.invariant} is broken: {one.promise}: {', '.join(one.broken)}" for one in findings if one.broken),
        *_untested(findings),
        *(f"not answered as it should be: {words}" for words in book.strange),
        *(f"never answered: {words}" for words in book.given_up),
        *(f"a program died: {words}" for words in world.crew.deaths),
        *([] if storm.is_complete else ["a fault could not be carried out; see the trace above"]),
        *_of_the_book(book, jobs),
        *_of_the_batches(world, book, jobs),
        *([] if any(job.batch_id for job in rows) else ["no batch was opened"]),
        *_of_the_jobs(plan, book, jobs),
        *_of_the_gone(world, book, jobs),
        *_of_the_bucket(),
        *world.ear.wrongs(),
    ]
    outcomes = Counter(f"{job.status} {job.error_class or ''}".strip() for job in rows)
    archived = sum(isinstance(job, ArchivedJob) for job in rows)
    opened = len({job.batch_id for job in rows if job.batch_id})
    return Verdict(findings, wrongs, outcomes, Counter(events), entries, archived, opened)


def _untested(findings: list[Finding]) -> Iterator[str]:
    tested = {one.invariant for one in findings if one.subjects}
    for invariant in sorted(_PUT_TO_THE_TEST - tested):
        yield f"{invariant} was not put to the test"


def _of_the_book(book: Book, jobs: Rows) -> Iterator[str]:
    """Whatever was accepted is there, final, and was made once however often it was asked for."""
    for number, ids in book.ids.items():
        if len(ids) > 1:
            yield f"ask {number} was given {len(ids)} jobs: {', '.join(sorted(ids))}"
        for lost in ids - jobs.keys():
            yield f"ask {number} was given job {lost}, which is lost"
    told = {batch for ids in book.batches.values() for batch in ids}
    untold = {name for name in jobs.keys() - book.accepted if _batch_of(jobs[name]) not in told}
    if any(jobs[name].rerun_of is None for name in untold) or len(untold) > book.perhaps:
        yield f"jobs were made, and nobody was told of them: {', '.join(sorted(untold))}"


def _batch_of(job: Job | ArchivedJob) -> str | None:
    return job.batch_id.hex if job.batch_id else None


def _of_the_batches(world: World, book: Book, jobs: Rows) -> Iterator[str]:
    """Each was made once however often it was asked for, and has a job of every line or, if it failed, none.

    One that has been forgotten by now has failed if the log says so.
    """
    failed = {name for log in world.logs() for name in _BATCH_FAILED.findall(log.read_text(errors="replace"))}
    made = Counter(_batch_of(job) for job in jobs.values())
    with transaction() as session:
        kept = {batch.id.hex: batch for batch in session.scalars(select(Batch))}
    for number, ids in book.batches.items():
        if len(ids) > 1:
            yield f"ask {number} was given {len(ids)} batches: {', '.join(sorted(ids))}"
        for name in ids:
            is_failed = kept[name].status == Status.FAILED if name in kept else name in failed
            if made[name] not in ({0} if is_failed else {BATCH_LINES}):
                yield f"batch {name} has {made[name]} jobs"
            if name in kept and kept[name].finished_at is None:
                yield f"batch {name} is still {kept[name].status}"


def _of_the_jobs(plan: Plan, book: Book, jobs: Rows) -> Iterator[str]:
    """Each has ended in a way its kind may end, and costs what was ordered."""
    asked = {job: plan.asks[number] for number, ids in book.ids.items() for job in ids}
    for name, job in jobs.items():
        ask = asked.get(name)
        kind = ask.kind if ask else "fresh" if job.batch_id else "rerun"
        if not State(job.status).is_final:
            yield f"job {name} is still {job.status}"
        elif job.status == State.COMPLETED and kind == "unusable":
            yield f"job {name} made a video of something that is no picture"
        elif job.status == State.FAILED and job.error_class not in _MAY_FAIL[kind]:
            yield f"job {name}, {kind}, failed: {job.error_class}"
        elif job.status == State.COMPLETED and ask and job.price_usd != _price_usd(plan, ask):
            yield f"job {name} cost {job.price_usd} USD and not {_price_usd(plan, ask)}"


def _price_usd(plan: Plan, ask: Ask) -> Decimal:
    """What the caller expects to pay for a video, by the price list."""
    ordered = ask if ask.of is None else plan.asks[ask.of]
    return SECOND_USD * max(1, math.ceil(ordered.voice_seconds)) if ordered.engine == "gpu" else Decimal(0)


def _of_the_gone(world: World, book: Book, jobs: Rows) -> Iterator[str]:
    """Nobody is told that a job is gone before its time is over or its owner deleted it."""
    for name, said_at in book.gone:
        job = jobs.get(name)
        if job is None or job.finished_at is None:
            yield f"job {name} was said to be gone, and it is not final"
            continue
        kept_until = job.finished_at + timedelta(seconds=world.keep_seconds - _CLOCKS_APART_SECONDS)
        if job.deleted_at is None and said_at < kept_until.timestamp():
            yield f"job {name} was said to be gone, and it was to be kept until {kept_until}"


def _of_the_bucket() -> Iterator[str]:
    """Nothing of an archived job is there once what came too late has been swept."""
    sweep.run_once()
    with transaction() as session:
        archived = set(session.scalars(select(ArchivedJob.id)))
    left = {keys.job_of(key) for key in storage.keys_below("")}
    for job_id in archived.intersection(left):
        yield f"job {job_id.hex} is archived, and something of it is still in the bucket"
