"""How `duologue up` and what it started come to an end."""

import pytest

from tests.cli.stack.neighbours import is_quiet, wait_until
from tests.cli.terminal import PATIENCE_SECONDS, Terminal, are_gone, descendants

pytestmark = pytest.mark.story


def test_a_killed_up_leaves_no_process_and_ctrl_c_stops_the_next_in_order(terminal: Terminal) -> None:
    with terminal.up() as first:
        first.wait_until_ready()
        started = descendants(first.process.pid)
        assert len(started) > 6
        first.process.kill()
        wait_until(lambda: are_gone(started), seconds=PATIENCE_SECONDS, what="no process is left")
    assert is_quiet(terminal.data)
    with terminal.up() as second:
        second.wait_until_ready()
        assert second.end() == 0
        told = second.text
        assert told.index("Stopping the front door") < told.index("Stopping the worker") < told.index("Stopped.")
    assert is_quiet(terminal.data)
