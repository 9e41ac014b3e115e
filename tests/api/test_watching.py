"""Promises about watching jobs: nobody is woken for nothing, and no late answer takes us back."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.lowlevel import checkpoint
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Message, Receive

from api import waiting
from api.watching import Hub, Watch
from jobs import ids, lifecycle, listing
from jobs.accounts import Caller
from jobs.rules.states import State
from jobs.tables import Job
from tests import factories

Found = TypeVar("Found")


def test_an_answer_that_was_overtaken_changes_nothing(caller: Caller) -> None:
    job = factories.submit(caller)
    early, first = listing.glimpses({job.id: 0})[job.id], listing.timeline(job)[0]
    lifecycle.cancel(caller, job.id)
    watch = Watch()
    watch.learn(listing.glimpses({job.id: 0})[job.id], 0)
    for late, seen in ((early, 0), (listing.Glimpse(State.WAITING, "", 0.0), first.id)):
        watch.learn(late, seen)
        assert (watch.status, len(watch.since(0))) == (State.CANCELLED, 2)


def test_nobody_is_woken_when_nothing_has_changed(caller: Caller) -> None:
    job = factories.submit(caller)
    watch = Watch()
    watch.learn(listing.glimpses({job.id: 0})[job.id], 0)
    changed = watch.changed
    watch.learn(listing.glimpses({job.id: watch.last_id})[job.id], watch.last_id)
    assert not changed.is_set()


def test_a_job_that_is_no_longer_there_ends_the_wait(database: dict[str, str]) -> None:
    async def look() -> bool:
        async with Hub().watch(ids.new_id()) as watch:
            return watch.is_over

    assert anyio.run(look)


def test_when_the_hub_ends_so_does_every_wait(caller: Caller) -> None:
    job = factories.submit(caller)

    async def look() -> None:
        hub = Hub()

        async def wait_in_vain() -> None:
            async with hub.watch(job.id) as watch:
                await watch.until(lambda _: False)

        async with anyio.create_task_group() as tasks, hub.running():
            tasks.start_soon(wait_in_vain)
            while not hub.watchers:
                await checkpoint()
        assert hub.watchers == 0
        await wait_in_vain()

    with_deadline(look)


def test_a_wait_ends_with_the_state_it_was_for(caller: Caller) -> None:
    job = factories.submit(caller)
    factories.claim()
    assert waited(caller, job, seconds=60).status == "running", "it was so before we looked"


def test_a_wait_ends_when_its_time_is_over(caller: Caller) -> None:
    assert waited(caller, factories.submit(caller), seconds=0.05).status == "waiting"


def test_a_wait_ends_when_the_client_has_gone(caller: Caller) -> None:
    job = factories.submit(caller)
    assert waited(caller, job, {"type": "http.disconnect"}, seconds=60).status == "waiting"


def waited(caller: Caller, job: Job, *messages: Message, seconds: float) -> Job:
    """The job after a wait for its being anything but waiting, on behalf of a client that says `messages`."""

    async def wait() -> Job:
        app = FastAPI()
        app.state.hub = Hub(tick_seconds=0.02)
        request = Request({"type": "http", "app": app}, said(*messages))
        async with app.state.hub.running():
            return await waiting.until(request, caller, job, lambda state: state != State.WAITING, seconds)

    return with_deadline(wait)


def with_deadline(wait: Callable[[], Awaitable[Found]]) -> Found:
    async def in_time() -> Found:
        with anyio.fail_after(10):
            return await wait()

    return anyio.run(in_time)


def said(*messages: Message) -> Receive:
    """A client that says this and then holds the line."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await anyio.sleep_forever()
        return left.pop()

    return receive
