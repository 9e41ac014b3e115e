"""Tells an autoscaler how much work there is: every number is there at every moment, zero included."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.caller import Watcher
from api.v1 import presenter
from jobs import levels
from jobs.levels import Levels
from jobs.rules.appraisal import ENGINES

router = APIRouter(prefix="/v1/scaling", tags=["Operations"])


class Work(BaseModel):
    """What there is to do, of all accounts together."""

    waiting: int = Field(description="Jobs that could begin now; held back ones and those that rest are not counted.")
    oldest_age_seconds: float = Field(description="How long the one that waits longest has been waiting.")
    running: int = Field(description="Jobs under way: on our workers, or at the upstream.")
    unfinished: int = Field(description="Both together: what workers are needed for.")
    work_seconds: float = Field(description="How long one slot would take for all that waits.")


class EngineWork(Work):
    """The same of one engine, and who is there for it."""

    unprepared: int = Field(
        description="What of the waiting a worker could begin. At the cloud the rest is prepared and waits for a key."
    )
    slots: int = Field(description="How many jobs its living workers, or the upstream, can have under way at once.")
    workers: int = Field(description="Living workers that serve it.")


class Scaling(Work):
    engines: dict[str, EngineWork] = Field(description="Every engine there is, whether or not it is configured here.")


@router.get(
    "",
    summary="Tell an autoscaler how much work there is",
    response_model=Scaling,
    responses=presenter.documented(),
)
def scaling(_: Watcher) -> Response:
    """One JSON object of numbers, as KEDA's `metrics-api` scaler reads it: `engines.gpu.waiting`, say.

    A few seconds old at most. While the database is away the answer is 503 and no number: a zero would end workers.
    """
    return presenter.respond(of(levels.current()))


def of(known: Levels) -> Scaling:
    """The numbers of these levels."""
    engines = {name: _engine(known, name) for name in ENGINES}
    return Scaling(
        waiting=sum(one.waiting for one in engines.values()),
        oldest_age_seconds=max(one.oldest_age_seconds for one in engines.values()),
        running=sum(one.running for one in engines.values()),
        unfinished=sum(one.unfinished for one in engines.values()),
        work_seconds=sum(one.work_seconds for one in engines.values()),
        engines=engines,
    )


def _engine(known: Levels, name: str) -> EngineWork:
    queue, standing = known.queues[name], known.standings[name]
    running = queue.running + queue.forwarded
    return EngineWork(
        waiting=queue.due,
        oldest_age_seconds=round(queue.oldest_due_seconds, 3),
        running=running,
        unfinished=queue.due + running,
        work_seconds=round(known.seconds_of_work(name), 3),
        unprepared=queue.unprepared,
        slots=standing.slots,
        workers=standing.workers,
    )
