"""The front door as processes of its own, which share one port."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from api.serving import front_door
from tests.cli.stack.neighbours import PATIENCE_SECONDS, wait_until
from tests.free_ports import free_port


@contextmanager
def serving(port: int, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "api.serving", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=PATIENCE_SECONDS).is_success
    except httpx.TransportError:
        return False


def test_a_door_is_described_before_it_opens(database: dict[str, str]) -> None:
    assert front_door().openapi_schema is not None


def test_several_processes_share_the_port_and_one_may_go(environment: dict[str, str]) -> None:
    port, shared = free_port(), environment | {"DUOLOGUE_DOOR_PROCESSES": "2"}
    with ExitStack() as doors:
        first, _second = (doors.enter_context(serving(port, shared)) for _ in range(2))
        wait_until(lambda: answers(port), what="one answers")
        first.terminate()
        assert first.wait(PATIENCE_SECONDS) in {0, -15}
        wait_until(lambda: answers(port), what="the other answers")


@pytest.mark.parametrize("setting", [{}, {"DUOLOGUE_DOOR_PROCESSES": "1"}])
def test_a_lone_process_shares_its_port_with_nobody(environment: dict[str, str], setting: dict[str, str]) -> None:
    port = free_port()
    with serving(port, environment | setting):
        wait_until(lambda: answers(port), what="it answers")
        with serving(port, environment | setting) as late:
            assert late.wait(PATIENCE_SECONDS) != 0
