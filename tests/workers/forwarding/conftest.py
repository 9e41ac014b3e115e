"""A WaveSpeed of our own, a forwarder that speaks to it, and jobs that are ready to be sent there."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cli.fake_wavespeed.plan import DEFAULT_KEY as KEY
from jobs import database as ours
from jobs import lifecycle, margins, storage
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.tables import Event, Job, UpstreamTry
from tests import factories
from tests.conftest import set_settings
from tests.fakes.wavespeed import QUICK, Fake, wavespeed
from workers import collecting, forwarding, runner

Opener = Callable[..., AbstractContextManager["Upstream"]]
"""Takes settings of ours and choices of a plan."""

PATIENCE_SECONDS = 40.0
FAST = {"DUOLOGUE_WAVESPEED_POLL_SECONDS": "0.3", "DUOLOGUE_WAVESPEED_LIST_LAG_SECONDS": "0.5"}


@dataclass(frozen=True)
class Upstream:
    """The fake, and what happens on our side of it."""

    fake: Fake
    caller: Caller

    def job(self, **wishes: Any) -> uuid.UUID:  # noqa: ANN401 - whatever a wish may hold
        """A job whose media are regular: the next forwarder sends it."""
        job_id = factories.submit(self.caller, engine="cloud", **wishes).id
        self.prepare()
        return job_id

    def prepare(self) -> None:
        claim = factories.claim(engine="cloud")
        assert claim.arrival is None
        prefix = f"{claim.account_id.hex}/jobs/{claim.job_id.hex}/{claim.fence}/inputs"
        media = {name: {"key": f"{prefix}/{name}.wav", "seconds": 4.2} for name in claim.model.media}
        lifecycle.keep_media(claim, media)
        lifecycle.prepared(claim)

    @contextmanager
    def forwarding(self) -> Iterator[None]:
        """A forwarder at work, which comes to its end with this."""
        stop = threading.Event()
        thread = threading.Thread(target=forwarding.keep, args=[stop])
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()

    def finish(self, *job_ids: uuid.UUID) -> list[Job]:
        """The jobs once they are final, with a worker that fetches what has arrived."""

        def all_final() -> list[Job] | None:
            runner.work("cloud")
            found = [self.look(job_id) for job_id in job_ids]
            return found if all(job.finished_at for job in found) else None

        found: list[Job] = wait_for(all_final)
        return found

    def look(self, job_id: uuid.UUID) -> Job:
        with transaction() as session:
            return session.scalars(select(Job).where(Job.id == job_id)).one()

    def tries(self, job_id: uuid.UUID) -> list[UpstreamTry]:
        with transaction() as session:
            return margins.tries_of(session, job_id)

    def at_stage(self, job_id: uuid.UUID, stage: str) -> Job | None:
        job = self.look(job_id)
        return job if job.stage == stage else None

    def expire_holds(self) -> None:
        """As if whoever is sending had been silent for long."""
        with transaction() as session:
            session.execute(update(UpstreamTry).values(held_until=func.clock_timestamp()))

    def age_stops(self) -> None:
        """As if what was asked to stop had been asked long ago."""
        with transaction() as session:
            session.execute(update(UpstreamTry).values(stop_asked_at=func.now() - timedelta(minutes=1)))

    def unbilled(self) -> int:
        """How many tries the bill has not settled yet."""
        open_ones = select(func.count()).where(
            UpstreamTry.upstream_id.is_not(None), UpstreamTry.reconciled_at.is_(None)
        )
        with transaction() as session:
            return session.scalars(open_ones).one()

    def story(self, job_id: uuid.UUID) -> list[str]:
        with transaction() as session:
            return list(session.scalars(select(Event.kind).where(Event.job_id == job_id).order_by(Event.id)))

    def paid_usd(self) -> float:
        return float(self.fake.bill()["total_usd"])


def wait_for(look: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the look finds
    """What `look` finds once it finds something."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


@pytest.fixture
def at_upstream(bucket: str, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens an upstream with a plan's choices and settings of ours."""

    @contextmanager
    def opened(changes: dict[str, str] | None = None, **choices: Any) -> Iterator[Upstream]:  # noqa: ANN401 - a plan's
        with wavespeed(**{**QUICK, **choices}) as fake:
            set_settings(
                monkeypatch,
                {
                    "DUOLOGUE_ENGINES": "cloud",
                    "DUOLOGUE_WAVESPEED_URL": fake.url,
                    "DUOLOGUE_WAVESPEED_API_KEYS": f"{KEY}:ultra",
                    "DUOLOGUE_WAVESPEED_INPUTS": "links",
                    **FAST,
                    **(changes or {}),
                },
            )
            ours.engine()  # before there are threads
            storage.make_bucket()
            try:
                yield Upstream(fake, caller)
            finally:
                collecting._source().close()
                collecting._source.cache_clear()

    return opened


@pytest.fixture
def upstream(at_upstream: Opener) -> Iterator[Upstream]:
    with at_upstream() as opened:
        yield opened
