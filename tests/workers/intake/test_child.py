"""Promises about the child that decodes: it is held to its limits, and however it ends, the caller gets a sentence."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.errors import MediaError, WorkerUnfit
from jobs.rules.catalog import Kind
from tests.workers.intake import making_media as make
from workers.intake import child
from workers.intake.child import Piece, decode
from workers.intake.limits import Limits

PIECE = Piece("left_audio", "audio", Path("unused"), Path("unused"))


def piece(kind: Kind, content: bytes, folder: Path) -> Piece:
    source = folder / "fetched"
    source.write_bytes(content)
    return Piece("face", kind, source, folder / "regular")


def unhurried() -> None:
    """Nothing calls the decoding off."""


def refusal(kind: Kind, content: bytes, folder: Path, limits: Limits | None = None) -> MediaError:
    with pytest.raises(MediaError) as caught:
        decode(piece(kind, content, folder), limits or Limits(), unhurried)
    return caught.value


def test_every_kind_is_decoded_in_the_child(tmp_path: Path) -> None:
    expected: dict[Kind, tuple[bytes, dict[str, object]]] = {
        "image": (make.picture(), {"width": 96, "height": 128}),
        "mask": (make.picture("L"), {"width": 96, "height": 128}),
        "audio": (make.silence(2), {"seconds": 2.0}),
        "video": (make.film(), {"width": 128, "height": 96, "suffix": ".mp4"}),
    }
    for kind, (content, facts) in expected.items():
        assert decode(piece(kind, content, tmp_path), Limits(), unhurried).items() >= facts.items()


def test_what_the_child_refuses_names_the_field(tmp_path: Path) -> None:
    error = refusal("audio", b"not a recording", tmp_path)
    assert str(error).startswith("face: is no whole recording")
    assert error.permanent


def test_a_picture_that_needs_too_much_memory_is_refused(tmp_path: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS has no such limit")
    content = make.written(Image.new("RGB", (7_000, 7_000)), "PNG")
    error = refusal("image", content, tmp_path, Limits(decode_memory_bytes=400 * 2**20))
    assert error.reason == "needs too much memory to decode"


def test_a_large_picture_fits_the_limits(tmp_path: Path) -> None:
    content = make.written(Image.new("RGBA", (7_100, 7_000)), "PNG")
    assert decode(piece("image", content, tmp_path), Limits(), unhurried) == {"width": 7_100, "height": 7_000}


def pipe(folder: Path) -> Piece:
    """A file whose reading never ends."""
    os.mkfifo(folder / "pipe")
    return Piece("face", "audio", folder / "pipe", folder / "regular")


def reader_of(path: Path) -> int | None:
    """Our end of the pipe when somebody is at the other."""
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def test_a_decoding_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    endless = pipe(tmp_path)
    with pytest.raises(MediaError) as caught:
        decode(endless, Limits(decode_seconds=0.7), unhurried)
    assert caught.value.reason == "took too long to decode"
    assert reader_of(endless.source) is None


def test_a_regular_file_that_grows_too_large_is_refused(tmp_path: Path) -> None:
    content = make.written(Image.frombytes("RGB", (500, 500), np.random.default_rng(1).bytes(750_000)), "PNG")
    error = refusal("image", content, tmp_path, Limits(regular_max_bytes=100_000))
    assert error.permanent


class CalledOffError(Exception):
    pass


def test_a_decoding_that_is_called_off_leaves_no_child(tmp_path: Path) -> None:
    endless = pipe(tmp_path)
    ours: list[int] = []

    def check() -> None:
        if (end := reader_of(endless.source)) is not None:
            ours.append(end)
            raise CalledOffError

    with pytest.raises(CalledOffError):
        decode(endless, Limits(decode_seconds=300), check)
    os.close(ours[0])
    assert reader_of(endless.source) is None


def test_the_child_leads_a_group_of_its_own(tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as complaints:
        running = child._start(piece("audio", b"", tmp_path), Limits(), answers, complaints)
        assert os.getpgid(running.pid) == running.pid
        child._end(running)


def test_the_child_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_S3_SECRET_ACCESS_KEY", "made-up")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test")
    assert "made-up" not in child._environment().values()
    assert "HTTPS_PROXY" not in child._environment()


@pytest.mark.parametrize(
    ("returncode", "complaint", "reason", "is_permanent"),
    [
        (-signal.SIGXCPU, b"", "took too long to decode", True),
        (-signal.SIGALRM, b"", "took too long to decode", True),
        (-signal.SIGABRT, b"terminate called: std::bad_alloc", "needs too much memory to decode", True),
        (1, b"Traceback ...\nMemoryError\n", "needs too much memory to decode", True),
        (-signal.SIGSEGV, b"", "cannot be decoded", True),
        (1, b"Traceback ...\nKeyError: 'x'\n", "cannot be decoded", True),
        (-signal.SIGKILL, b"", "decoding was stopped by the machine", False),
    ],
)
def test_however_the_child_dies_the_caller_gets_a_sentence(
    returncode: int, complaint: bytes, reason: str, *, is_permanent: bool
) -> None:
    with pytest.raises(MediaError) as caught:
        child._understand(PIECE, returncode, b"started\n", complaint)
    assert caught.value.reason == reason
    assert caught.value.permanent is is_permanent


@pytest.mark.parametrize("returncode", [1, -signal.SIGKILL, -signal.SIGXCPU])
def test_a_child_that_cannot_start_is_no_fault_of_the_file(returncode: int) -> None:
    with pytest.raises(WorkerUnfit, match="cannot decode media"):
        child._understand(PIECE, returncode, b"", b"ModuleNotFoundError: No module named 'av'")


def test_an_orphan_ends_itself(tmp_path: Path) -> None:
    order = {"field": "x", "kind": "audio", "source": str(pipe(tmp_path).source), "target": "unused"}
    limits = {"decode_seconds": 1.5}
    command = [sys.executable, "-m", "workers.intake.decode", json.dumps({**order, "limits": limits})]
    orphan = subprocess.Popen(command, env=child._environment())
    assert orphan.wait(timeout=120) == -signal.SIGALRM
