import io

import av
import httpx

from tests.story.house import House


def test_a_job_of_two_speakers_ends_as_a_playable_video(whole_house: House) -> None:
    job = whole_house.wait_final(whole_house.submit({**whole_house.pair(1.0), "order": "left_right"}))
    assert job["status"] == "completed", job
    video = httpx.get(job["output"]["link"]).raise_for_status()
    assert video.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(video.content)) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (896, 448)
        assert film.streams.video[0].frames == 50
