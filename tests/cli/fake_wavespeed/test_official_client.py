"""The official Python client, unmodified, cannot tell the fake from the service it was written for."""

import io
from collections.abc import Iterator

import httpx
import pytest
from wavespeed import Client

from tests.factories_media import people_png, voice_wav
from tests.fakes.wavespeed import MULTI, SOLO, Fake, wavespeed


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with wavespeed(speed=1000.0) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(fake: Fake) -> Client:
    return Client("fake-key", base_url=fake.url, max_connection_retries=0)


@pytest.fixture(scope="module")
def inputs(sdk: Client) -> dict[str, str]:
    return {
        "image": sdk.upload(io.BytesIO(people_png(64, 64, 1))),
        "left_audio": sdk.upload(io.BytesIO(voice_wav(3.2, 120))),
        "right_audio": sdk.upload(io.BytesIO(voice_wav(14.2, 210))),
    }


def test_it_uploads_runs_and_gets_a_video(sdk: Client, inputs: dict[str, str]) -> None:
    (link,) = sdk.run(MULTI, inputs, poll_interval=0.05, timeout=30)["outputs"]
    video = httpx.get(link, headers={"Range": "bytes=4-7"})

    assert httpx.URL(link).path.endswith(".mp4")
    assert (video.status_code, video.content, video.headers["content-type"]) == (206, b"ftyp", "video/mp4")


def test_sync_mode_answers_with_the_video(sdk: Client, inputs: dict[str, str]) -> None:
    given = {"image": inputs["image"], "audio": inputs["left_audio"]}

    assert len(sdk.run(SOLO, given, enable_sync_mode=True)["outputs"]) == 1


def test_a_failed_prediction_is_an_error_that_says_why(sdk: Client, inputs: dict[str, str]) -> None:
    page = sdk.upload(io.BytesIO(b"<html>not a voice</html>"))

    with pytest.raises(RuntimeError, match="audio is not media"):
        sdk.run(SOLO, {"image": inputs["image"], "audio": page}, poll_interval=0.05, timeout=30)


def test_a_missing_field_is_an_error_that_names_it(sdk: Client) -> None:
    with pytest.raises(RuntimeError, match=r"400.*audio is required"):
        sdk.run(SOLO, {"image": "https://example.com/a.png"})


def test_a_wrong_key_is_an_error(fake: Fake) -> None:
    with pytest.raises(RuntimeError, match="401"):
        Client("wrong", base_url=fake.url).run(SOLO, {})


def test_a_wait_that_is_over_says_so_in_the_words_clients_know(fake: Fake, inputs: dict[str, str]) -> None:
    with wavespeed(fetches=False, speed=0.001, sync_seconds=0.05) as slow:
        found = Client("fake-key", base_url=slow.url).run_no_throw(
            SOLO, {"image": inputs["image"], "audio": inputs["left_audio"]}, enable_sync_mode=True
        )

    assert (found["status"], found["outputs"]) == ("processing", None)
