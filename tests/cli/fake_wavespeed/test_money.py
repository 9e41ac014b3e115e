"""Promises about what the fake charges: by the length of the voices, told alike by its bill and by its endpoints."""

import base64
from collections.abc import Iterator
from decimal import Decimal

import av
import pytest

from tests.factories_media import voice_samples, voice_wav
from tests.fakes.media_server import MediaServer
from tests.fakes.wavespeed import MULTI, SOLO, Fake, wavespeed

PICTURE = "data:image/png;base64," + base64.b64encode(b"\x89PNG, as far as the fake looks").decode()


@pytest.fixture(scope="module")
def media() -> Iterator[MediaServer]:
    with MediaServer() as server:
        for name, seconds in {"short": 3.2, "left": 20.0, "right": 14.2, "minute": 60.0}.items():
            server.serve(f"/{name}.wav", voice_wav(seconds))
        server.serve("/page.html", b"<!DOCTYPE html><html>Sorry</html>")
        yield server


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with wavespeed(speed=1000.0) as running:
        yield running


@pytest.mark.parametrize(
    ("voice", "resolution", "price"),
    [("minute", "480p", "1.80"), ("minute", "720p", "3.60"), ("short", "480p", "0.15")],
)
def test_one_voice_is_charged_by_its_whole_seconds(
    fake: Fake, media: MediaServer, voice: str, resolution: str, price: str
) -> None:
    job = fake.submit(image=PICTURE, audio=media.url(f"/{voice}.wav"), resolution=resolution)

    assert Decimal(fake.ended(job["id"])["owed_usd"]) == Decimal(price)


@pytest.mark.parametrize(("order", "price"), [("left_right", "1.05"), ("meanwhile", "0.60")])
def test_two_voices_are_charged_by_their_order(fake: Fake, media: MediaServer, order: str, price: str) -> None:
    voices = {"left_audio": media.url("/left.wav"), "right_audio": media.url("/right.wav")}
    job = fake.submit(MULTI, image=PICTURE, order=order, **voices)

    assert Decimal(fake.ended(job["id"])["owed_usd"]) == Decimal(price)


def test_a_voice_that_is_no_wav_is_measured_too(
    fake: Fake, media: MediaServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("voices") / "voice.flac"
    with av.open(str(path), "w", format="flac") as container:
        track = container.add_stream("flac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(voice_samples(7.5).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    job = fake.submit(image=PICTURE, audio=media.serve("/voice.flac", path.read_bytes()))

    assert fake.ended(job["id"])["owed_usd"] == "0.24"


@pytest.mark.parametrize("path", ["/nothing.wav", "/page.html"])
def test_an_input_that_cannot_be_had_fails_with_its_code_and_is_free(fake: Fake, media: MediaServer, path: str) -> None:
    job = fake.ended(fake.submit(image=PICTURE, audio=media.url(path))["id"])

    assert (job["status"], job["code"], job["owed_usd"]) == ("failed", 1402, "0")
    assert "audio" in job["error"]


def test_every_way_to_ask_gives_the_same_sum(media: MediaServer) -> None:
    with wavespeed(speed=1000.0) as fake:
        good = fake.ended(fake.submit(image=PICTURE, audio=media.url("/left.wav"))["id"])
        fake.set_faults(ends_badly=1.0)
        bad = fake.ended(fake.submit(image=PICTURE, audio=media.url("/short.wav"))["id"])
        told = fake.call("POST", "/billings/search", {"page": 1, "page_size": 100}).json()["data"]
        refunds = fake.call("POST", "/billings/search", {"page": 1, "page_size": 1, "billing_type": "refund"}).json()
        summary = fake.call("POST", "/user/usage_stats", {}).json()["data"]["summary"]
        balance = fake.call("GET", "/account/balance").json()["data"]["balance"]

        entries = [(item["billing_type"], item["prediction"]["uuid"], item["price"]) for item in told["items"]]
        assert entries == [
            ("refund", bad["id"], 0.15),
            ("deduct", bad["id"], 0.15),
            ("deduct", good["id"], 0.6),
        ]
        assert [item["prediction"]["uuid"] for item in refunds["data"]["items"]] == [bad["id"]]
        assert (summary["total_cost"], summary["total_requests"], summary["success_requests"]) == (0.6, 2, 1)
        assert (fake.bill()["total_usd"], balance) == ("0.60", 999.4)


def test_a_price_is_quoted_for_what_is_known(fake: Fake) -> None:
    asked = {"model_id": SOLO, "inputs": {"resolution": "720p"}}

    assert fake.call("POST", "/model/price", asked).json()["data"]["price"] == 0.3
    assert fake.call("POST", "/model/pricing", {"model_id": SOLO}).json()["data"]["unit_price"] == 0.15
    assert fake.call("POST", "/model/price", {"model_id": "nobody/nothing"}).status_code == 404
