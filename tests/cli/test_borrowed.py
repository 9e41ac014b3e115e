from pathlib import Path

import pytest

from cli import borrowed, log, note
from cli.client import NoAnswer
from cli.failure import Failure
from cli.waiting import JobFailed
from tests.fakes.media_server import MediaServer


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    log.file_in(tmp_path).touch()
    return tmp_path


@pytest.mark.parametrize("error", [JobFailed("The job failed: of something."), NoAnswer("It broke off.")])
def test_what_fails_on_the_servers_side_is_told_with_the_place_of_their_log(data: Path, error: Failure) -> None:
    with MediaServer() as server, note.kept(data) as keeping:
        server.serve("/ready", b'{"status": "ready", "missing": []}', kind="application/json")
        keeping.write(note.Note(server.url(""), 42))
        with pytest.raises(Failure, match=f"{error}\nWhat .* is in {log.file_in(data)}"), borrowed.running_up(data):
            raise error


def test_what_fails_on_ours_is_told_alone(data: Path) -> None:
    with MediaServer() as server, note.kept(data) as keeping:
        server.serve("/ready", b'{"status": "ready", "missing": []}', kind="application/json")
        keeping.write(note.Note(server.url(""), 42))
        with pytest.raises(Failure, match=r"^film\.mp4 cannot be written$"), borrowed.running_up(data):
            raise Failure("film.mp4 cannot be written")
