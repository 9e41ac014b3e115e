"""The main job from an empty folder, as `make demo` runs it."""

import av
import pytest

from tests.cli.stack.neighbours import is_quiet
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.story


def test_the_demo_ends_with_a_film_and_leaves_nothing_running(terminal: Terminal) -> None:
    (terminal.folder / "media").mkdir()
    shown = terminal.run("demo", "--media", "media")
    assert shown.returncode == 0, shown.stderr
    path = terminal.folder / "duologue-demo.mp4"
    with av.open(path) as film:
        picture = film.streams.video[0]
        seconds = (film.duration or 0) / av.time_base
        assert film.streams.audio
        assert seconds > 6
        assert shown.stdout == (
            f"{path}: {picture.width} x {picture.height} pixels, {seconds:.1f} s, {path.stat().st_size:,} bytes\n"
        )
    assert "completed 100%" in shown.stderr
    assert {file.name for file in (terminal.folder / "media").iterdir()} == {
        "two-people.png",
        "left.flac",
        "right.flac",
    }
    told = (terminal.data / "logs" / "up.log").read_text()
    assert "front door |" in told
    assert "worker     |" in told
    assert is_quiet(terminal.data)


def test_the_demo_saves_its_media_over_nobody_elses(terminal: Terminal) -> None:
    (terminal.folder / "left.flac").write_text("mine")
    refused = terminal.run("demo", "--media", ".")
    assert refused.returncode == 1
    assert "left.flac is there already" in refused.stderr
    assert (terminal.folder / "left.flac").read_text() == "mine"
