"""What `duologue batch fetch` saves when some of it cannot be had: all the rest, and never half a file."""

import hashlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import fetching
from cli.client import Api, Json
from cli.failure import Failure
from tests.fakes.media_server import MediaServer

VIDEO = b"a video"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaServer]:
    monkeypatch.setattr(fetching, "_PAUSES_SECONDS", (0.01, 0.01))
    with MediaServer() as server:
        yield server


def a_batch(server: MediaServer, *pages: list[str]) -> Api:
    """An API that lists these links, page by page, as the videos of batch `b`."""
    line = 0
    for page in pages:
        jobs, asked_after = [], line
        for link in page:
            line += 1
            output = {"link": link, "bytes": len(VIDEO), "sha256": hashlib.sha256(VIDEO).hexdigest()}
            jobs.append({"line": line, "custom_id": "v", "output": output})
        answer: Json = {"jobs": jobs, "next_line": None if page is pages[-1] else line}
        path = f"/v1/batches/b/jobs?status=completed&limit=500&after_line={asked_after}"
        server.serve(path, json.dumps(answer).encode(), more="Connection: close\r\n")
    return Api(server.url(""), "key", "")


def test_a_video_that_is_gone_keeps_no_other_back_on_any_page(bucket: MediaServer, tmp_path: Path) -> None:
    there, gone = bucket.serve("/there", VIDEO), bucket.url("/gone")
    with a_batch(bucket, [there, gone], [there], [gone, there]) as api:
        first, again = (fetching.fetch(api, "b", tmp_path, 2) for _ in range(2))

    assert (first.fetched, first.present, len(first.failures)) == (3, 0, 2)
    assert (again.fetched, again.present, len(again.failures)) == (0, 3, 2)
    assert "00002-v.mp4: HTTP 404" in " ".join(map(str, first.failures))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00001-v.mp4", "00003-v.mp4", "00005-v.mp4"]


@pytest.mark.parametrize("status", ["503 Service Unavailable", "429 Too Many Requests"])
def test_a_bucket_that_is_busy_is_asked_again(status: str, bucket: MediaServer, tmp_path: Path) -> None:
    replies = iter([f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()])
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(VIDEO), VIDEO)

    def busy_once(line: socket.socket) -> None:
        line.sendall(next(replies, whole))

    with a_batch(bucket, [bucket.answer("/busy", busy_once)]) as api:
        assert fetching.fetch(api, "b", tmp_path, 1).fetched == 1
    assert (tmp_path / "00001-v.mp4").read_bytes() == VIDEO


def test_a_folder_that_cannot_be_written_is_a_sentence(bucket: MediaServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / ".00001-v.mp4.part").mkdir()
    with a_batch(bucket, [bucket.serve("/there", VIDEO)]) as api:
        for folder in (tmp_path, tmp_path / "file", tmp_path / "file" / "videos"):
            with pytest.raises(Failure, match=r"cannot be written .*--to"):
                fetching.fetch(api, "b", folder, 1)
