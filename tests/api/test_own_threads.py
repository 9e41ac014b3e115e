"""Promises about work that has threads of its own."""

import threading
from functools import partial

import anyio
import anyio.to_thread
import pytest

from api.own_threads import OwnThreads
from jobs.errors import Unavailable


def test_whoever_finds_no_thread_is_refused_and_the_next_finds_one_again() -> None:
    async def story() -> None:
        threads, may_end = OwnThreads(1, 0.05, partial(Unavailable, "Later.")), threading.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(threads.run, may_end.wait)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(Unavailable, match="Later"):
                await threads.run(int)
            assert await anyio.to_thread.run_sync(int) == 0
            may_end.set()
        assert await threads.run(int, "7") == 7

    anyio.run(story)
