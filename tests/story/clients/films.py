"""Looks at a link a client was given, the way a player would."""

import httpx


def assert_is_a_video(link: str) -> None:
    """Anybody with the link may read any part of an MP4."""
    assert httpx.URL(link).path.endswith(".mp4")
    video = httpx.get(link, headers={"Range": "bytes=4-7"})
    assert (video.status_code, video.content, video.headers["content-type"]) == (206, b"ftyp", "video/mp4")
