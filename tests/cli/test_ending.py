"""How `duologue up` and what it started come to an end."""

import dataclasses
import os
import signal

import pytest

from tests.cli.stack.neighbours import is_quiet, wait_until
from tests.cli.terminal import PATIENCE_SECONDS, Terminal, Up, are_gone, descendants, runs, threads
from tests.factories_media import people_png, voice_wav

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


def test_a_job_cut_off_by_a_hurry_or_a_kill_does_not_wait_for_its_lease(terminal: Terminal) -> None:
    """Whose lease is longer than anybody would wait for here."""
    terminal = dataclasses.replace(terminal, variables={"DUOLOGUE_LEASE_SECONDS": "3600"})
    (terminal.folder / "one.png").write_bytes(people_png(320, 200, 1))
    (terminal.folder / "voice.wav").write_bytes(voice_wav(5.0))
    with terminal.up() as first:
        first.wait_until_ready()
        job = terminal.run("submit", "infinitetalk", "--image", "one.png", "--audio", "voice.wav").stdout.strip()
        hold_still(first)
        first.process.send_signal(signal.SIGINT)
        first.wait_until_said("1 job is being done and given 10 s; what is not done by then goes on")
        first.process.send_signal(signal.SIGINT)
        first.wait_until_said("1 job cut off will go on after the next start.")
        assert first.process.wait(PATIENCE_SECONDS) == 0
    with terminal.up() as second:
        hold_still(second)  # its worker may be done before the front door is ready
        second.wait_until_ready()
        second.process.kill()
        second.process.wait()
    wait_until(lambda: is_quiet(terminal.data), what="no process is left")
    with terminal.up() as third:
        third.wait_until_ready()
        wait_until(lambda: terminal.ask("show", job)["status"] == "completed", what="the job goes on to its end")
        told = [event["kind"].removeprefix("job.") for event in terminal.ask("show", job)["timeline"]]
    assert told == ["created", "claimed", "handed_back", "claimed", "rescued", "claimed", "completed"]


def hold_still(up: Up) -> None:
    """Stop what is being rendered, the moment it watches its parent: it would be done too soon."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [pid for pid in descendants(up.process.pid) if runs(pid, "workers.engines.inside")]
        return bool(found) and threads(found[0]) > 1  # by then it dies with its parent, even while it is stopped

    wait_until(is_there, what="a rendering")
    os.kill(found[0], signal.SIGSTOP)
