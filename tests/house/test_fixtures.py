"""Promises that every other test relies on: nothing it opened is left for the garbage collector."""

import gc
import threading
import warnings

import anyio
import anyio.to_thread
import pytest

from jobs import database as ours
from tests.conftest import forget_settings

pytestmark = pytest.mark.usefixtures("database")


def test_a_connection_on_loan_when_settings_are_forgotten_is_closed() -> None:
    borrowed = threading.Event()
    give_back = threading.Event()

    def read() -> None:
        with ours.single_statements():
            borrowed.set()
            give_back.wait(30)

    reader = threading.Thread(target=read)
    reader.start()
    assert borrowed.wait(30)
    later = threading.Timer(0.2, give_back.set)
    later.start()
    forget_settings()
    reader.join()
    later.join()
    nothing_is_left_open()


def test_a_question_that_an_ended_event_loop_left_behind_is_waited_for() -> None:
    asked = threading.Event()
    go_on = threading.Event()
    strays: list[threading.Thread] = []

    def read() -> None:
        strays.append(threading.current_thread())
        asked.set()
        go_on.wait(30)
        with ours.single_statements():
            pass

    async def leave() -> None:
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                await anyio.to_thread.run_sync(read, abandon_on_cancel=True)

            tasks.start_soon(ask)
            await anyio.to_thread.run_sync(asked.wait, 30)
            tasks.cancel_scope.cancel()

    anyio.run(leave)
    later = threading.Timer(0.2, go_on.set)
    later.start()
    forget_settings()
    later.join()
    for stray in strays:
        stray.join()
    assert ours.engine.cache_info().currsize == 0, "nobody opened a pool after us"
    nothing_is_left_open()


def nothing_is_left_open() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
