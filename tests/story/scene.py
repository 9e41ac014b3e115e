"""A house and one of its callers: orders jobs, looks at them in the database, and catches what is being rendered."""

import base64
import signal
import uuid
from dataclasses import dataclass

from jobs import listing, submission
from jobs.accounts import Caller
from jobs.lifecycle import Output
from jobs.rules.states import State
from jobs.submission import Wish
from jobs.tables import Job
from tests.factories_media import people_png, voice_wav
from tests.story import kin
from tests.story.house import PATIENCE_SECONDS, House, wait_for

SOLO = "wavespeed-ai/infinitetalk"


@dataclass(frozen=True)
class Scene:
    """Jobs are ordered in this process, so that a story about workers needs no front door."""

    house: House
    caller: Caller

    def order(self, seconds: float = 1.0, **wishes: int) -> uuid.UUID:
        """One person who speaks for so long."""
        return submission.submit(self.caller, Wish(model=SOLO, inputs=solo(seconds), **wishes)).id  # type: ignore[arg-type]  # spans are whole seconds

    def job(self, job_id: uuid.UUID) -> Job:
        return listing.job(self.caller, job_id)

    def kinds(self, job_id: uuid.UUID) -> list[str]:
        return [event.kind.removeprefix("job.") for event in listing.timeline(self.job(job_id))]

    def wait_until(self, job_id: uuid.UUID, *statuses: str, seconds: float = PATIENCE_SECONDS) -> Job:
        wait_for(lambda: self.job(job_id).status in statuses, f"{job_id.hex} {' or '.join(statuses)}", seconds)
        return self.job(job_id)

    def wait_final(self, job_id: uuid.UUID, seconds: float = PATIENCE_SECONDS) -> Job:
        wait_for(lambda: State(self.job(job_id).status).is_final, f"{job_id.hex} final", seconds)
        return self.job(job_id)

    def completes(self, job_id: uuid.UUID, seconds: float = PATIENCE_SECONDS) -> Output:
        """The video of a job that ends well."""
        job = self.wait_final(job_id, seconds)
        assert job.status == "completed", f"{job.error}: {self.kinds(job_id)}"
        return Output(**(job.output or {}))

    def seconds_between(self, job_id: uuid.UUID, earlier: str, later: str) -> float:
        at = {event.kind.removeprefix("job."): event.at for event in listing.timeline(self.job(job_id))}
        return (at[later] - at[earlier]).total_seconds()

    def rendering(self, worker: str = "worker") -> int:
        """The pid of what `worker` renders, held still the moment it is there."""
        [child] = self.renderings(1, worker)
        kin.send([child], signal.SIGSTOP)
        return child

    def renderings(self, count: int, worker: str = "worker") -> list[int]:
        pid = self.house.processes[worker].pid
        found: list[int] = []

        def are_there() -> bool:
            found[:] = filter(kin.has_begun, kin.children(pid, kin.RENDERING))
            return len(found) == count

        wait_for(are_there, f"{worker} renders {count}")
        return found


def solo(seconds: float) -> dict[str, object]:
    """Inputs of a small job, inside the request."""
    return {"image": _uri("image/png", people_png(320, 200, 1)), "audio": _uri("audio/wav", voice_wav(seconds))}


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
