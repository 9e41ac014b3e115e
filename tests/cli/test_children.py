"""A program kept running: deaths cost it more and more time, and its end can be forced."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cli.children import Child
from cli.log import Log
from cli.processes import Program
from tests.cli.stack.neighbours import wait_until

DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); sys.stdin.read()"


@contextmanager
def child_of(
    code: str, patience_seconds: float = 60.0, bury: Callable[[int], None] = lambda _pid: None
) -> Iterator[Child]:
    child = Child(Program("worker", (sys.executable, "-c", code), patience_seconds), dict(os.environ), Log(), bury)
    try:
        yield child
    finally:
        child.wait_until_gone(lambda: True)


def test_a_program_that_keeps_dying_is_started_ever_more_slowly(capsys: pytest.CaptureFixture[str]) -> None:
    with child_of("raise SystemExit(3)") as child:
        wait_until(lambda: _has_died(child, 3), what="three deaths")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("duologue")]
    assert [line.partition("; ")[2] for line in said] == [
        f"it starts again in {pause} s." for pause in ("0.5", "1", "2")
    ]
    assert "ended with status 3" in said[0]


def test_whoever_cares_is_told_each_of_the_dead(capfd: pytest.CaptureFixture[str]) -> None:
    buried: list[int] = []
    with child_of("import os; print('I am', os.getpid()); raise SystemExit(3)", bury=buried.append) as child:
        wait_until(lambda: _has_died(child, 2), what="two deaths")
    said = [line.partition("I am ")[2] for line in capfd.readouterr().out.splitlines() if "I am" in line]
    assert [str(pid) for pid in buried] == said


def test_every_line_says_who_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    with child_of("print('[bold]one[/bold]'); print('two')") as child:
        wait_until(lambda: not child.is_running, what="it is over")
        child.wait_until_gone(lambda: False)
    assert capsys.readouterr().out.splitlines() == ["worker     | [bold]one[/bold]", "worker     | two"]


def test_a_program_deaf_to_sigterm_is_ended_once_its_patience_is_over(capfd: pytest.CaptureFixture[str]) -> None:
    with child_of(DEAF, patience_seconds=0.2) as child:
        wait_until(lambda: "deaf" in capfd.readouterr().out, what="it is deaf")
        child.ask_to_stop()
        assert not child.wait_until_gone(lambda: False), "it did not end by itself"
        assert not child.is_running


def test_whoever_hurries_does_not_wait_for_a_programs_patience(capfd: pytest.CaptureFixture[str]) -> None:
    with child_of(DEAF) as child:
        wait_until(lambda: "deaf" in capfd.readouterr().out, what="it is deaf")
        child.ask_to_stop()
        asked_at = time.monotonic()
        child.wait_until_gone(lambda: True)
        assert time.monotonic() - asked_at < 10
        assert not child.is_running


def _has_died(child: Child, times: int) -> bool:
    child.look()
    return child.deaths >= times
