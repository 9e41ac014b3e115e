"""Promises about the finished videos: whole, each its own, readable in parts; and how they break off when told to."""

import io
import time

import av
import httpx
import pytest

from tests.fakes.wavespeed import QUICK, Fake, wait_for, wavespeed

SIZE = 300_000


def test_every_video_is_whole_as_long_as_its_voice_and_like_no_other() -> None:
    with wavespeed(**QUICK, video_bytes=SIZE, assumed_seconds=3.0) as fake:
        first, second = (fake.http.get(output(fake)).content for _ in range(2))

        assert len(first) == len(second) == SIZE
        assert first != second
        with av.open(io.BytesIO(first), "r") as film:
            assert film.streams.video[0].frames == 75
            assert film.duration == 3_000_000


def test_any_part_can_be_read_without_a_key() -> None:
    with wavespeed(**QUICK, video_bytes=SIZE) as fake:
        url = output(fake)
        whole = fake.http.get(url).content
        parts = {"bytes=0-9": whole[:10], "bytes=299990-": whole[-10:], "bytes=-5": whole[-5:], "bytes=7-7": whole[7:8]}
        answers = {asked: fake.http.get(url, headers={"Range": asked}) for asked in parts}

        assert {asked: answer.content for asked, answer in answers.items()} == parts
        assert {answer.status_code for answer in answers.values()} == {206}
        assert answers["bytes=0-9"].headers["Content-Range"] == f"bytes 0-9/{SIZE}"
        assert fake.http.get(url, headers={"Range": f"bytes={SIZE}-"}).status_code == 416
        assert fake.http.get(url, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).status_code == 200
        assert fake.http.head(url).headers["Content-Length"] == str(SIZE)


def test_one_that_is_cut_breaks_off_once() -> None:
    with wavespeed(**QUICK, video_bytes=SIZE, faults={"output_cut": 1.0}) as fake:
        url = output(fake)

        with pytest.raises(httpx.RemoteProtocolError):
            fake.http.get(url)
        assert len(fake.http.get(url).content) == SIZE


def test_one_that_is_truncated_never_comes_whole() -> None:
    with wavespeed(**QUICK, video_bytes=SIZE, faults={"output_truncated": 1.0}) as fake:
        url = output(fake)

        for asked in ({}, {"Range": "bytes=100000-"}, {"Range": "bytes=250000-"}):
            with pytest.raises(httpx.RemoteProtocolError):
                fake.http.get(url, headers=asked)


def test_one_that_is_missing_stays_away_and_one_that_is_late_comes() -> None:
    with wavespeed(**QUICK, faults={"output_missing": 1.0}) as fake:
        assert fake.http.get(output(fake)).status_code == 404
    with wavespeed(**QUICK | {"late_seconds": 3600.0}, faults={"output_late": 1.0}) as fake:
        assert fake.http.get(output(fake)).status_code == 404
    with wavespeed(**QUICK, faults={"output_late": 1.0}) as fake:
        url = output(fake)
        wait_for(lambda: fake.http.get(url).status_code == 200)


def test_one_that_is_slow_comes_whole_after_all() -> None:
    with wavespeed(**QUICK, video_bytes=SIZE, output_bytes_per_second=3.0 * SIZE, faults={"output_slow": 1.0}) as fake:
        url = output(fake)
        began = time.monotonic()

        assert len(fake.http.get(url).content) == SIZE
        assert time.monotonic() - began > 0.3


def test_one_that_is_given_whole_ignores_what_part_was_asked_for() -> None:
    with wavespeed(**QUICK, video_bytes=SIZE, faults={"output_whole": 1.0}) as fake:
        answer = fake.http.get(output(fake), headers={"Range": "bytes=5-9"})

        assert (answer.status_code, len(answer.content)) == (200, SIZE)


def output(fake: Fake) -> str:
    (url,) = fake.ended(fake.submit()["id"])["outputs"]
    return str(url)
