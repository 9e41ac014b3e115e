"""Holds our tries against the upstream's own book: whose each prediction is, and whether both sides count the same."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from jobs.database import transaction
from jobs.rules import tiers
from jobs.rules.retries import COLLECTS_MIN
from jobs.tables import Account, UpstreamTry
from tests.fakes.wavespeed import Fake
from tests.story.cloud.world import KEYS

NOTHING = Decimal(0)


@dataclass(frozen=True)
class Taken:
    """One prediction of the upstream's, with the try of ours it belongs to."""

    id: str
    key: str
    status: str
    owed_usd: Decimal
    created_at: datetime
    faults: tuple[str, ...]
    one: UpstreamTry | None

    @property
    def is_unproven(self) -> bool:
        """Whether we only know that it may be there."""
        return self.one is not None and self.one.outcome == "unproven" and self.one.upstream_id is None

    @property
    def how_it_ended(self) -> str:
        """In words: what is paid and gave no video is so by a fault of the upstream's."""
        outcome = self.one.outcome if self.one else ""
        return {"completed": "video not to be had", "failed": f"{self.status}, not refunded"}.get(
            str(outcome), str(outcome)
        )

    @property
    def ours_usd(self) -> Decimal:
        known = self.one is not None and self.one.upstream_id == self.id
        return (self.one.charged_usd or NOTHING) if known and self.one else NOTHING


@dataclass
class Line:
    """One key: what it took, what it wants for that, what we know of it, and what nobody could prove."""

    key: str
    taken: int = 0
    paid: int = 0
    bill_usd: Decimal = NOTHING
    ours_usd: Decimal = NOTHING
    unproven: list[str] = field(default_factory=list)
    unproven_usd: Decimal = NOTHING


@dataclass
class Comparison:
    lines: list[Line]
    wrongs: list[str]
    paid_again: Counter[str]

    @property
    def is_even(self) -> bool:
        return all(line.bill_usd == line.ours_usd + line.unproven_usd for line in self.lines)


def compare(fake: Fake) -> Comparison:
    """Both books as they stand now."""
    with transaction() as session:
        tries = list(session.scalars(select(UpstreamTry).order_by(UpstreamTry.id)))
        lenient = set(session.scalars(select(Account.id).where(Account.resends_unproven)))
    told = fake.bill()
    taken = list(_matched(fake.jobs(), tries))
    lines = [_line(key["name"], taken) for key in told["keys"]]
    wrongs = [
        *_of_the_totals(told, lines),
        *_of_the_taken(taken),
        *_of_the_tries(taken, tries),
        *_of_the_jobs(taken, lenient),
    ]
    return Comparison(lines, wrongs, _paid_again(taken))


def _matched(jobs: Sequence[dict[str, Any]], tries: Sequence[UpstreamTry]) -> Iterator[Taken]:
    by_marker = {one.marker: one for one in tries if one.marker}
    by_id = {one.upstream_id: one for one in tries if one.upstream_id}
    for job in jobs:
        found = next((by_marker[name] for name in _names(job["input"]) if name in by_marker), None)
        yield Taken(
            id=job["id"],
            key=job["key"],
            status=job["status"],
            owed_usd=Decimal(job["owed_usd"]),
            created_at=datetime.fromisoformat(job["created_at"]),
            faults=tuple(job["faults"]),
            one=found or by_id.get(job["id"]),
        )


def _names(inputs: dict[str, Any]) -> Iterator[str]:
    """Every marker that inputs could be found by."""
    for value in inputs.values():
        if isinstance(value, str) and value.startswith("http"):
            bare, _, query = value.partition("?")
            yield bare
            yield from (f"{bare}?{note}" for note in query.split("&"))


def _line(key: str, taken: Sequence[Taken]) -> Line:
    line = Line(key)
    for one in taken:
        if one.key == key:
            line.taken += 1
            line.paid += one.owed_usd > 0
            line.bill_usd += one.owed_usd
            line.ours_usd += one.ours_usd
            if one.is_unproven:
                line.unproven.append(one.id)
                line.unproven_usd += one.owed_usd
    return line


def _of_the_totals(told: dict[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    for key, line in zip(told["keys"], lines, strict=True):
        if Decimal(key["owed_usd"]) != line.ours_usd + line.unproven_usd:
            yield f"{line.key} owes {key['owed_usd']} USD, and we know of {line.ours_usd} and {line.unproven_usd}"
        if key["refused_by_limit"]:
            yield f"{line.key} was used beyond its limit {key['refused_by_limit']} times"


def _of_the_taken(taken: Sequence[Taken]) -> Iterator[str]:
    names = {f"key-{number}": tiers.key_name(key.text) for number, key in enumerate(KEYS, 1)}
    for one in taken:
        if one.one is None:
            yield f"prediction {one.id} belongs to no try of ours"
        elif one.one.upstream_key != names[one.key]:
            yield f"prediction {one.id} was made with another key than its try says"
        elif one.one.upstream_id != one.id and not one.is_unproven:
            yield f"prediction {one.id} is there, and its try {one.one.id} ended as {one.one.outcome}"
        elif one.ours_usd != one.owed_usd and not one.is_unproven:
            yield f"prediction {one.id} costs {one.owed_usd} USD, and its try says {one.one.charged_usd}"


def _of_the_tries(taken: Sequence[Taken], tries: Sequence[UpstreamTry]) -> Iterator[str]:
    there = {one.id: one for one in taken}
    times: dict[uuid.UUID, int] = defaultdict(int)
    for prediction in taken:
        if prediction.one is not None:
            times[prediction.one.id] += 1
    yield from (f"try {name} was submitted {count} times" for name, count in times.items() if count > 1)
    for one in tries:
        if one.ended_at is None:
            yield f"try {one.id} is still open"
        if one.upstream_id is not None and one.upstream_id not in there:
            yield f"try {one.id} names prediction {one.upstream_id}, which was never taken"
        if one.outcome == "completed" and one.upstream_id and there[one.upstream_id].status != "completed":
            yield f"try {one.id} is said to be completed, and prediction {one.upstream_id} is not"


def _of_the_jobs(taken: Sequence[Taken], lenient: set[uuid.UUID]) -> Iterator[str]:
    """A further prediction of a job is right only once the one before has come to nothing that could be used."""
    for job_id, ones in _by_job(taken).items():
        for former, later in pairwise(ones):
            one = former.one
            assert one is not None
            if one.ended_at is None or later.created_at < one.ended_at:
                yield f"job {job_id} was sent again while prediction {former.id} was open"
            is_usable = one.outcome == "completed" and one.collects < COLLECTS_MIN
            is_barred = one.outcome == "unproven" and one.account_id not in lenient
            if is_usable or is_barred or one.outcome in {"not_sent", "not_found", "refused"}:
                yield f"job {job_id} was sent again after prediction {former.id}, which had ended as {one.outcome}"


def _paid_again(taken: Sequence[Taken]) -> Counter[str]:
    """How what was paid had ended where something of the same job was paid after it."""
    paid = [[one for one in ones if one.owed_usd > 0] for ones in _by_job(taken).values()]
    return Counter(former.how_it_ended for ones in paid for former in ones[:-1])


def _by_job(taken: Sequence[Taken]) -> dict[uuid.UUID, list[Taken]]:
    found: dict[uuid.UUID, list[Taken]] = defaultdict(list)
    for one in sorted(taken, key=lambda one: one.created_at):
        if one.one is not None:
            found[one.one.job_id].append(one)
    return found
