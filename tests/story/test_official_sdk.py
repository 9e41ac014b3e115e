"""The official Python client, from its registry and unmodified, cannot tell us from the service it was written for."""

from pathlib import Path

import httpx
import pytest
from wavespeed import Client

from tests.factories_media import people_png, voice_wav
from tests.story.house import MULTI, House

SINGLE = "wavespeed-ai/infinitetalk"


@pytest.fixture
def sdk(whole_house: House) -> Client:
    return Client(whole_house.key, base_url=whole_house.url)


def write(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def test_it_uploads_runs_and_gets_a_video(sdk: Client, tmp_path: Path) -> None:
    inputs = {
        "image": sdk.upload(write(tmp_path, "two.png", people_png(640, 360))),
        "left_audio": sdk.upload(write(tmp_path, "left.wav", voice_wav(0.6, 120))),
        "right_audio": sdk.upload(write(tmp_path, "right.wav", voice_wav(0.4, 210))),
        "order": "right_left",
    }
    (link,) = sdk.run(MULTI, inputs, poll_interval=0.2, timeout=60)["outputs"]
    assert httpx.URL(link).path.endswith(".mp4")
    video = httpx.get(link, headers={"Range": "bytes=4-7"})
    assert (video.status_code, video.content, video.headers["content-type"]) == (206, b"ftyp", "video/mp4")


def test_sync_mode_answers_with_the_video(sdk: Client, tmp_path: Path) -> None:
    image = sdk.upload(write(tmp_path, "one.png", people_png(512, 512, count=1)))
    audio = sdk.upload(write(tmp_path, "voice.wav", voice_wav(0.4)))
    (link,) = sdk.run(SINGLE, {"image": image, "audio": audio}, enable_sync_mode=True)["outputs"]
    assert httpx.get(link).content[4:8] == b"ftyp"


def test_a_failed_job_is_an_error_that_says_why(sdk: Client, tmp_path: Path) -> None:
    text = sdk.upload(write(tmp_path, "voice.wav", b"<html>not a voice</html>"))
    image = sdk.upload(write(tmp_path, "one.png", people_png(512, 512, count=1)))
    with pytest.raises(RuntimeError, match="audio: "):
        sdk.run(SINGLE, {"image": image, "audio": text}, poll_interval=0.2, timeout=60)


def test_a_missing_field_is_an_error_that_names_it(sdk: Client) -> None:
    with pytest.raises(RuntimeError, match="audio is required"):
        sdk.run(SINGLE, {"image": "https://example.com/a.png"})


def test_a_wrong_key_is_an_error(whole_house: House) -> None:
    with pytest.raises(RuntimeError, match="401"):
        Client("wrong", base_url=whole_house.url).run(SINGLE, {})
