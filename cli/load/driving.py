"""The load itself: callers that order, then ask until every job is final; what each of them saw is written down."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from cli import progress
from cli.client import Api, Json, NoAnswer, Refused
from cli.load.patience import patiently
from cli.screen import err
from jobs.rules.states import FINAL

_REPEAT_EVERY = 10
_PAGE = 100
_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Plan:
    """What is ordered, how often and how fast; `name` makes this load's keys and tag its own."""

    order: Json
    jobs: int
    at_once: int
    rate: float
    seconds: float
    name: str

    @property
    def tag(self) -> str:
        return f"load-{self.name}"

    def due_seconds(self, number: int) -> float:
        """When an order is due after the beginning."""
        return number / self.rate if self.rate else 0.0


@dataclass
class Record:
    """What the callers saw. Spans are seconds."""

    accepted: dict[int, str] = field(default_factory=dict)
    """The job's id of each order, by its number."""
    repeated: dict[int, str] = field(default_factory=dict)
    """What the same order named when it was sent a second time."""
    refused: list[str] = field(default_factory=list)
    order_seconds: list[float] = field(default_factory=list)
    poll_seconds: list[float] = field(default_factory=list)
    ordering_seconds: float = 0.0
    jobs: dict[str, Json] = field(default_factory=dict)
    """Every job as it was last seen, by its id."""
    given_up: str | None = None
    """Why nobody asked any further, when the API was away for too long."""


def drive(api: Api, plan: Plan) -> Record:
    """Order everything, then watch until all is final or the time is over."""
    record, begun_at = Record(), time.monotonic()
    with progress.shown(err, "ordering") as say:
        with ThreadPoolExecutor(plan.at_once) as callers:
            for number, _ in enumerate(
                callers.map(lambda one: _order(api, plan, record, one, begun_at), range(plan.jobs)), 1
            ):
                say("ordering", number / plan.jobs)
        record.ordering_seconds = time.monotonic() - begun_at
        _watch(api, plan, record, begun_at, say)
    return record


_writing = threading.Lock()


def _order(api: Api, plan: Plan, record: Record, number: int, begun_at: float) -> None:
    """One order when it is due, and some of them twice: the second must name the first one's job."""
    if record.given_up:
        return
    time.sleep(max(0.0, begun_at + plan.due_seconds(number) - time.monotonic()))
    order = plan.order | {"tags": [plan.tag], "metadata": {"number": number}}
    submit = partial(api.submit, order, name=f"{plan.name}-{number}")
    asked_at = time.monotonic()
    try:
        job = patiently(submit)
        with _writing:
            record.order_seconds.append(time.monotonic() - asked_at)
            record.accepted[number] = job["id"]
        if number % _REPEAT_EVERY == 0:
            record.repeated[number] = patiently(submit)["id"]
    except Refused as error:
        record.refused.append(str(error))
    except NoAnswer as error:
        record.given_up = str(error)


def _watch(api: Api, plan: Plan, record: Record, begun_at: float, say: progress.Report) -> None:
    """Read lists of them again and again; one by one would be a load of another kind."""
    while not record.given_up:
        try:
            for page in _pages(api, plan, record):
                record.jobs |= {job["id"]: job for job in page}
        except (NoAnswer, Refused) as error:
            record.given_up = str(error)
            return
        final = sum(job["status"] in FINAL for job in record.jobs.values())
        say("running", final / max(1, len(record.accepted)))
        if final >= len(record.accepted) or time.monotonic() - begun_at > plan.seconds:
            return
        time.sleep(_PAUSE_SECONDS)


def _pages(api: Api, plan: Plan, record: Record) -> Iterator[list[Json]]:
    cursor: str | None = None
    while True:
        page = patiently(partial(_page, api, {"tag": plan.tag, "limit": _PAGE, "cursor": cursor}, record))
        yield page["jobs"]
        if (cursor := page["next_cursor"]) is None:
            return


def _page(api: Api, filters: Json, record: Record) -> Json:
    asked_at = time.monotonic()
    page = api.jobs(filters)
    record.poll_seconds.append(time.monotonic() - asked_at)
    return page
