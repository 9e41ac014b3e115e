"""Promises about what the fake tells receivers, and how it fails to when it is told to fail."""

import hashlib
import hmac
import json
from datetime import datetime

from cli.fake_wavespeed.webhooks import sign
from tests.fakes.receiver import BROKEN, WELL, Received, Receiver
from tests.fakes.wavespeed import QUICK, Fake, wait_for, wavespeed


def test_the_signature_is_the_contracts() -> None:
    webhook_id = "0123456789abcdef0123456789abcdef"
    body = (
        b'{"id":"0123456789abcdef0123456789abcdef","model":"wavespeed-ai/infinitetalk/multi",'
        b'"outputs":["https://example.test/o.mp4"],"status":"completed","error":""}'
    )
    headers = sign("whsec_c2VsZi1tYWRlLXRlc3Qtc2VjcmV0LTMyLWJ5dGVzISE=", webhook_id, 1760000000, body)

    assert headers == {
        "webhook-id": webhook_id,
        "webhook-timestamp": "1760000000",
        "webhook-signature": "v3,4b634600a6d5616b976dbea3c1cf7d60f70a7a72be09e170c6c65741146c3b67",
    }


def test_the_end_is_told_once_signed_and_with_the_inputs() -> None:
    with Receiver() as receiver, wavespeed(**QUICK) as fake:
        submitted = fake.submit(query=f"?webhook={receiver.url()}?a=b&c=d", prompt="hello")
        (heard,) = wait_for(lambda: receiver.received)
        told = json.loads(heard.body)

        assert heard.path == "/hook?a=b&c=d"
        assert is_signed(fake, heard)
        assert told | {"input": None} == fake.result(submitted["id"]) | {"input": None}
        assert (told["status"], told["input"]["prompt"]) == ("completed", "hello")
        assert heard.headers["webhook-id"] == submitted["id"]


def test_an_encoded_webhook_and_one_in_the_body_are_the_same() -> None:
    with Receiver() as receiver, wavespeed(**QUICK) as fake:
        fake.submit(query="?webhook=" + receiver.url().replace(":", "%3A").replace("/", "%2F") + "%3Fn%3D1&other=2")
        fake.submit(webhook_url=f"{receiver.url()}?n=1")
        wait_for(lambda: len(receiver.received) == 2)

        assert {heard.path for heard in receiver.received} == {"/hook?n=1"}


def test_a_receiver_that_fails_is_told_again() -> None:
    with Receiver(BROKEN) as receiver, wavespeed(**QUICK | {"late_seconds": 0.001}, webhook_tries=10_000) as fake:
        job = fake.submit(query=f"?webhook={receiver.url()}")
        wait_for(lambda: receiver.received)
        receiver.mood = WELL

        told = wait_for(lambda: found if 200 in (found := outcomes(fake, job["id"])) else None)
        assert told == [500] * (len(told) - 1) + [200]
        assert len(receiver.received) == len(told)


def test_a_lost_webhook_is_never_sent() -> None:
    with Receiver() as receiver, wavespeed(**QUICK, faults={"webhook_lost": 1.0}) as fake:
        fake.ended(fake.submit(query=f"?webhook={receiver.url()}")["id"])
        fake.set_faults(webhook_lost=0.0)
        fake.submit(query=f"?webhook={receiver.url()}?second")
        wait_for(lambda: receiver.received)

        assert [heard.path for heard in receiver.received] == ["/hook?second"]


def test_a_doubled_webhook_comes_twice_with_one_id() -> None:
    with Receiver() as receiver, wavespeed(**QUICK, faults={"webhook_doubled": 1.0}) as fake:
        fake.submit(query=f"?webhook={receiver.url()}")
        wait_for(lambda: len(receiver.received) == 2)

        assert len({heard.headers["webhook-id"] for heard in receiver.received}) == 1
        assert all(is_signed(fake, heard) for heard in receiver.received)


def test_a_late_webhook_comes_late() -> None:
    with Receiver() as receiver, wavespeed(**QUICK, faults={"webhook_late": 1.0}) as fake:
        job = fake.ended(fake.submit(query=f"?webhook={receiver.url()}")["id"])
        wait_for(lambda: receiver.received)
        (told,) = wait_for(lambda: fake.job(job["id"])["webhooks"])

        assert (instant(told["at"]) - instant(job["created_at"])).total_seconds() >= QUICK["late_seconds"]


def test_a_forged_webhook_comes_before_the_true_one() -> None:
    with Receiver() as receiver, wavespeed(**QUICK, faults={"webhook_forged": 1.0}) as fake:
        fake.submit(query=f"?webhook={receiver.url()}")
        wait_for(lambda: len(receiver.received) == 2)

        assert [is_signed(fake, heard) for heard in receiver.received] == [False, True]
        assert [json.loads(heard.body)["status"] for heard in receiver.received] == ["failed", "completed"]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def outcomes(fake: Fake, prediction_id: str) -> list[int]:
    return [one["outcome"] for one in fake.job(prediction_id)["webhooks"]]


def is_signed(fake: Fake, heard: Received) -> bool:
    """By the contract's words, with nothing of the fake's own."""
    secret = fake.call("GET", "/webhook/secret").json()["data"]["secret"]
    message = f"{heard.headers['webhook-id']}.{heard.headers['webhook-timestamp']}.".encode() + heard.body
    mac = hmac.new(secret.removeprefix("whsec_").encode(), message, hashlib.sha256).hexdigest()
    return heard.headers["webhook-signature"] == f"v3,{mac}"
