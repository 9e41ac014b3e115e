import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from workers import scratch


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_attempt_whatever_lies_in_it(room: Path) -> None:
    with scratch.folder() as folder:
        (folder / "video.mp4").write_bytes(b"half a video")
        assert list(room.iterdir()) == [folder]
    assert list(room.iterdir()) == []


def test_a_folder_in_use_is_not_swept() -> None:
    with scratch.folder() as folder:
        assert scratch.sweep() == 0
        assert folder.is_dir()


def test_what_a_killed_worker_left_is_swept_and_nothing_else(room: Path) -> None:
    story = (
        "import os, signal\nfrom workers import scratch\nwith scratch.folder(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", story], env=os.environ | {"TMPDIR": str(room)}, check=False)
    [left] = room.iterdir()
    (room / "somebody-else-s").mkdir()
    assert scratch.sweep() == 1
    assert not left.exists()
    assert [path.name for path in room.iterdir()] == ["somebody-else-s"]
