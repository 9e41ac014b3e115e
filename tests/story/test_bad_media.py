"""Media that cannot be used: accepted at the door, then failed with 1402 and a sentence that names field and reason."""

import base64
import io
import struct
from collections.abc import Iterator

import av
import numpy as np
import pytest
from PIL import Image

from jobs import storage
from tests.conftest import copied, forget_settings, make_member, set_settings
from tests.factories_media import people_png, silence_wav, voice_wav
from tests.fakes.media_server import MediaServer
from tests.free_ports import free_port
from tests.story.house import House, house

SINGLE = "wavespeed-ai/infinitetalk"


@pytest.fixture(scope="module")
def media() -> Iterator[MediaServer]:
    with MediaServer() as server:
        server.serve("/one.png", people_png(512, 512, count=1), kind="image/png")
        server.serve("/voice.wav", voice_wav(0.4), kind="audio/wav")
        server.serve("/page.html", b"<!doctype html><html>login</html>", kind="text/html")
        server.serve("/cut.flac", _flac(2.0)[:-2000], kind="audio/flac")
        server.serve("/silence.wav", silence_wav(0.4), kind="audio/wav")
        server.serve("/bomb.png", _picture_bomb(), kind="image/png")
        server.serve("/ten-hours.flac", _flac(36_000.0, rate=8000, frame_size="16384"), kind="audio/flac")
        server.serve("/601.wav", _flac(601.0, rate=8000), kind="audio/flac")
        yield server


@pytest.fixture(scope="module")
def environment(servers: dict[str, str]) -> Iterator[dict[str, str]]:
    with copied(servers) as settings:
        yield settings


@pytest.fixture(scope="module")
def open_house(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that may fetch from loopback, and from nowhere else that is private; bad media harm nobody else's."""
    with pytest.MonkeyPatch.context() as patch:
        set_settings(patch, environment)
        storage.make_bucket()
        member = make_member("acme")
    forget_settings()
    folder = tmp_path_factory.mktemp("house")
    with house(environment, folder, member.key, DUOLOGUE_ALLOWED_NETWORKS="127.0.0.1/32") as built:
        built.hire(slots=2)
        built.set_clock()
        built.open_door()
        yield built


def test_each_bad_medium_has_its_answer(open_house: House, media: MediaServer) -> None:
    cases = {
        "http://10.0.0.1/voice.wav": "a private network",
        "http://169.254.169.254/latest/meta-data": "which inputs and webhooks may not name",
        media.url("/page.html"): "web page",
        media.url("/nothing.wav"): "404",
        media.url("/cut.flac"): "audio: ",
        media.url("/ten-hours.flac"): "600",
        media.url("/601.wav"): "601",
    }
    jobs = {link: open_house.submit({"image": media.url("/one.png"), "audio": link}, model=SINGLE) for link in cases}
    for link, job_id in jobs.items():
        job = open_house.wait_final(job_id)
        assert (job["status"], job["error"]["code"]) == ("failed", 1402), (link, job)
        assert job["error"]["message"].startswith("audio: "), link
        assert cases[link] in job["error"]["message"], (link, job["error"]["message"])


def test_a_picture_bomb_is_refused(open_house: House, media: MediaServer) -> None:
    inputs = {"image": media.url("/bomb.png"), "audio": media.url("/voice.wav")}
    job = open_house.wait_final(open_house.submit(inputs, model=SINGLE))
    assert (job["status"], job["error"]["code"]) == ("failed", 1402)
    assert job["error"]["message"].startswith("image: ")


def test_an_unreachable_address_is_tried_again_before_it_fails(open_house: House, media: MediaServer) -> None:
    inputs = {"image": media.url("/one.png"), "audio": f"http://127.0.0.1:{free_port()}/voice.wav"}
    job_id = open_house.submit(inputs, model=SINGLE)
    job = open_house.wait_until(job_id, lambda job: len(job["timeline"]) > 2, "stumbled")
    assert job["timeline"][2]["kind"] == "job.stumbled"
    assert "audio: " in job["timeline"][2]["detail"]["reason"]


def test_silence_is_spoken(open_house: House, media: MediaServer) -> None:
    inputs = {"image": media.url("/one.png"), "audio": media.url("/silence.wav")}
    assert open_house.wait_final(open_house.submit(inputs, model=SINGLE))["status"] == "completed"


def test_media_inside_the_request_are_used(open_house: House) -> None:
    image = "data:image/png;base64," + base64.b64encode(people_png(512, 512, count=1)).decode()
    audio = base64.b64encode(voice_wav(0.4)).decode()
    assert (
        open_house.wait_final(open_house.submit({"image": image, "audio": audio}, model=SINGLE))["status"]
        == "completed"
    )


def _flac(seconds: float, rate: int = 48_000, **options: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as out:
        stream = out.add_stream("flac", rate=rate, layout="mono", options=options)
        left = int(seconds * rate)
        position = 0
        while left:
            count = min(left, rate * 20)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, count), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, position
            out.mux(stream.encode(frame))
            left -= count
            position += count
        out.mux(stream.encode(None))
    return file.getvalue()


def _picture_bomb() -> bytes:
    """A small file that says it is a picture of 60,000 by 60,000 pixels."""
    file = io.BytesIO()
    Image.new("L", (64, 64)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(content)
