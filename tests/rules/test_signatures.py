"""Promises about signatures: the contract's own vector, and verifiers that others wrote."""

import base64
import hashlib
import hmac
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import ids
from jobs.rules import signatures

SECRET = "whsec_c2VsZi1tYWRlLXRlc3Qtc2VjcmV0LTMyLWJ5dGVzISE="
ID = "0123456789abcdef0123456789abcdef"
BODY = (
    b'{"id":"0123456789abcdef0123456789abcdef","model":"wavespeed-ai/infinitetalk/multi",'
    b'"outputs":["https://example.test/o.mp4"],"status":"completed","error":""}'
)


def verify_v3(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """What a receiver does, written from the contract's text."""
    content = ".".join([headers["webhook-id"], headers["webhook-timestamp"], ""]).encode("utf-8") + body
    expected = hmac.new(secret[len("whsec_") :].encode("utf-8"), content, hashlib.sha256).hexdigest()
    version, _, given = headers["webhook-signature"].partition(",")
    return version == "v3" and hmac.compare_digest(expected, given)


def bodies(count: int = 1000) -> list[bytes]:
    """Bodies of all lengths with everything JSON may hold, the same each time."""
    chance = random.Random(5)  # noqa: S311 - made to be repeated
    letters = 'aZ09 "\\/\n\u00e9\u4e2d\U0001f600\u2028{}[]:,.%'
    return [
        json.dumps(
            {"id": chance.randbytes(16).hex(), "text": "".join(chance.choices(letters, k=chance.randrange(400)))},
            ensure_ascii=chance.random() < 0.5,
        ).encode()
        for _ in range(count)
    ]


def test_the_contracts_vector() -> None:
    found = signatures.v3(SECRET, ID, 1760000000, BODY)
    assert found == "v3,4b634600a6d5616b976dbea3c1cf7d60f70a7a72be09e170c6c65741146c3b67"


def test_the_vector_of_standard_webhooks() -> None:
    found = signatures.standard(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_verifier_written_from_the_contract_takes_a_thousand_bodies() -> None:
    for body in bodies():
        secret = ids.new_webhook_secret()
        headers = {"webhook-id": ID, "webhook-timestamp": "1760000000"}
        headers["webhook-signature"] = signatures.v3(secret, ID, 1760000000, body)
        assert verify_v3(secret, headers, body)
        assert not verify_v3(secret, headers, body + b" ")
        assert not verify_v3(ids.new_webhook_secret(), headers, body)


@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
def test_the_libraries_of_others_take_a_thousand_bodies(library: str) -> None:
    webhooks: Any = pytest.importorskip(
        f"{library}.webhooks", reason=f"the development environment holds {library}, which verifies what we sign"
    )
    now = int(datetime.now(UTC).timestamp())
    for body in bodies():
        old, new = ids.new_webhook_secret(), ids.new_webhook_secret()
        headers = {"webhook-id": ID, "webhook-timestamp": str(now)}
        headers["webhook-signature"] = signatures.standard([new, old], ID, now, body)
        for secret in (new, old):
            webhooks.Webhook(secret).verify(body.decode(), headers)  # raises where it does not verify
        with pytest.raises(webhooks.WebhookVerificationError):
            webhooks.Webhook(ids.new_webhook_secret()).verify(body.decode(), headers)


def test_the_two_forms_use_different_keys() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    wrong = hmac.digest(key, f"{ID}.1760000000.".encode() + BODY, "sha256").hex()
    assert signatures.v3(SECRET, ID, 1760000000, BODY) != f"v3,{wrong}"
