"""Promises about sweeps: what is there is found, whatever happens to the upstream's list while it is read."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from jobs import clock, settings
from jobs import upstream as keys
from jobs.database import transaction
from jobs.lifecycle import forwarding
from jobs.lifecycle.pursuing import Open
from jobs.tables import UpstreamTry
from tests.workers.forwarding.conftest import Opener, Upstream, wait_for
from workers.engines.cloud.client import PAGE_SIZE, Client
from workers.engines.cloud.replies import Prediction
from workers.forwarding import sweeping
from workers.forwarding.sweeping import Listing
from workers.forwarding.verdicts import Verdicts

_FOR_EVER = 0.0001
_OURS = 10
"""More than are asked about by name anyway."""


class Interrupted(Client):
    """A client that somebody interrupts once, between the first page of a list and the second."""

    def __init__(self, interrupt: Callable[[], object]) -> None:
        super().__init__(settings.load().wavespeed_url, keys.configured())
        self._interrupts = [interrupt]

    async def predictions(self, key: str, *, since: datetime, **asked: Any) -> AsyncGenerator[Prediction, None]:  # noqa: ANN401 - as its own
        number = 0
        async for prediction in super().predictions(key, since=since, **asked):
            yield prediction
            number += 1
            if number == PAGE_SIZE and self._interrupts:
                self._interrupts.pop()()


def test_what_moves_to_a_page_that_was_read_already_is_not_held_to_be_missing(at_upstream: Opener) -> None:
    """A job is deleted between two pages: what stood first on the second page is on neither."""
    with at_upstream(speed=_FOR_EVER) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
        with transaction() as session:  # as if the answer to the submit had been lost
            long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 1)
            session.execute(update(UpstreamTry).values(upstream_id=None, doubted_at=long_ago))
        with ThreadPoolExecutor(8) as threads:
            other, *_ = threads.map(lambda _: upstream.fake.submit()["id"], range(PAGE_SIZE))
        upstream.fake.finish(other)
        asyncio.run(_sweep(lambda: upstream.fake.call("POST", "/predictions/delete", {"ids": [other]})))

        (one,) = upstream.tries(job_id)
        assert (one.ended_at, one.upstream_id) == (None, upstream.fake.jobs()[0]["id"])


@pytest.mark.parametrize(
    ("inputs", "age_seconds", "marker", "may_be"),
    [
        (None, 10.0, "https://example.com/a", True),
        ({}, 10.0, "https://example.com/a", True),
        ({"audio": "https://example.com/b"}, 10.0, "https://example.com/a", False),
        (None, 300.0, "https://example.com/a", False),
        (None, 10.0, None, False),
    ],
)
def test_what_the_list_shows_no_inputs_of_may_be_ours_unless_it_is_older(
    inputs: dict[str, str] | None, age_seconds: float, marker: str | None, *, may_be: bool
) -> None:
    now = clock.now()
    doubted = Open(uuid.uuid4(), "key", None, marker, now, now - timedelta(seconds=60), 60.0, 60.0)
    listing = Listing(Client("http://127.0.0.1:1", []), "key", Verdicts(), {})
    listing.strangers["other"] = Prediction(
        "other", "processing", created_at=now - timedelta(seconds=age_seconds), inputs=inputs
    )

    assert listing.may_hide(doubted) is may_be


class Slow(Client):
    """A client whose clock and ours go on by minutes while it reads a list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__("http://127.0.0.1:1", [])
        self._patch = monkeypatch
        self.asked_since: list[datetime] = []

    async def now(self, key: str) -> datetime:  # noqa: ARG002 - as its own
        return clock.now()

    async def predictions(self, key: str, *, since: datetime, **_: Any) -> AsyncGenerator[Prediction, None]:  # noqa: ANN401, ARG002 - as its own
        self.asked_since.append(since)
        for number in range(PAGE_SIZE):
            yield Prediction(f"other-{number}", "processing", created_at=clock.now(), inputs={"audio": "https://b/"})
        later = clock.now() + timedelta(minutes=3)
        self._patch.setattr(clock, "now", lambda: later)


def test_the_second_look_reaches_as_far_back_as_the_first_however_long_that_took(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.job()
    [sending] = forwarding.forward(keys.configured(), 1)
    forwarding.mark({sending.try_id: "https://example.com/left.wav"})
    with transaction() as session:
        long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 1)
        session.execute(update(UpstreamTry).values(held_until=None, doubted_at=long_ago))
    client = Slow(monkeypatch)
    asyncio.run(sweeping.sweep(client, sending.upstream_key, Verdicts()))

    first, second = client.asked_since
    assert abs(second - first) < timedelta(seconds=1)


async def _sweep(interrupt: Callable[[], object]) -> None:
    async with Interrupted(interrupt) as client:
        [key] = keys.configured()
        await sweeping.sweep(client, key.name, Verdicts())


def test_a_list_that_shows_next_to_nothing_of_ours_is_read_no_further(at_upstream: Opener) -> None:
    """Jobs that have been there for long lie far back in the list; each is asked about by name then."""
    with at_upstream({"DUOLOGUE_WAVESPEED_POLL_SECONDS": "3600"}, speed=_FOR_EVER) as upstream:
        job_ids = [upstream.job() for _ in range(_OURS)]
        with upstream.forwarding():
            wait_for(lambda: all(upstream.at_stage(job_id, "rendering") for job_id in job_ids))
        ours = [job["id"] for job in upstream.fake.jobs()]
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: upstream.fake.submit(), range(2 * PAGE_SIZE)))
        upstream.fake.finish_all(*ours)
        before = upstream.fake.calls().get("list", {}).get("200", 0)
        asyncio.run(_sweep_and_write_down(Verdicts()))

        assert upstream.fake.calls()["list"]["200"] == before + 1
        assert all(one.outcome == "completed" for job_id in job_ids for one in upstream.tries(job_id))


async def _sweep_and_write_down(verdicts: Verdicts, opened: type[Client] = Client) -> None:
    [key] = keys.configured()
    async with opened(settings.load().wavespeed_url, [key]) as client:
        await sweeping.sweep(client, key.name, verdicts)
    await verdicts.write_down()


def test_one_404_does_not_send_a_running_job_again(at_upstream: Opener) -> None:
    with at_upstream({"DUOLOGUE_WAVESPEED_LIST_LAG_SECONDS": "0.1"}, speed=_FOR_EVER) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
        (one,) = upstream.tries(job_id)
        verdicts = Verdicts()

        def is_ended() -> bool:
            asyncio.run(_ask_where_it_is_unknown(verdicts, one))
            return upstream.tries(job_id)[0].ended_at is not None

        assert not is_ended()
        asyncio.run(_sweep_and_write_down(verdicts))  # it is there after all
        assert not is_ended()
        wait_for(is_ended)
        assert upstream.tries(job_id)[0].reason == "WaveSpeed no longer knows the job"


async def _ask_where_it_is_unknown(verdicts: Verdicts, one: UpstreamTry) -> None:
    [key] = keys.configured()
    async with Client(settings.load().wavespeed_url, [key]) as client:
        await verdicts.ask(client, one.id, key.name, "deleted")
    await verdicts.write_down()


def test_what_the_list_shows_without_its_video_is_asked_about_by_name(at_upstream: Opener) -> None:
    with at_upstream({"DUOLOGUE_WAVESPEED_POLL_SECONDS": "3600"}, speed=_FOR_EVER) as upstream:
        job_ids = [upstream.job() for _ in range(_OURS)]
        with upstream.forwarding():
            wait_for(lambda: all(upstream.at_stage(job_id, "rendering") for job_id in job_ids))
        upstream.fake.finish_all(*(job["id"] for job in upstream.fake.jobs()))
        asyncio.run(_sweep_and_write_down(Verdicts(), Bare))

        assert {one.outcome for job_id in job_ids for one in upstream.tries(job_id)} == {"completed"}


class Bare(Client):
    """A client whose list shows no videos."""

    async def predictions(self, key: str, *, since: datetime, **asked: Any) -> AsyncGenerator[Prediction, None]:  # noqa: ANN401 - as its own
        async for prediction in super().predictions(key, since=since, **asked):
            yield replace(prediction, outputs=())
