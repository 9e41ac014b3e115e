from pathlib import Path

import pytest

from cli.client import Api
from cli.failure import Failure
from cli.foreground import why_not_ready
from tests.fakes.media_server import MediaServer


def test_another_program_on_our_port_is_told_apart() -> None:
    with MediaServer() as stranger:
        stranger.serve("/ready", b"<html>hello</html>", kind="text/html")
        assert "it is not Duologue" in (why_not_ready(stranger.url("")) or "")


def test_a_video_that_cannot_be_written_is_still_named(tmp_path: Path) -> None:
    with MediaServer() as bucket, Api(bucket.url(""), "key", "") as api:
        link = bucket.serve("/a.mp4", b"video")
        with pytest.raises(Failure, match=r"cannot be written .*a\.mp4"):
            api.save(link, tmp_path / "missing" / "a.mp4")
