"""Promises about the upstream's webhooks: believed when signed and fresh, and never more than a hint."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from api import callbacks
from jobs import ids
from jobs.database import transaction
from jobs.lifecycle import pursuing
from jobs.rules import markers, signatures
from jobs.tables import UpstreamTry
from tests.conftest import Member

SECRET = "whsec_c2VsZi1tYWRlLXRlc3Qtc2VjcmV0LTMyLWJ5dGVzISE="
KEY = "0123456789ab"
BODY = b'{"id":"pred-1","status":"completed"}'


@pytest.fixture
def sent(member: Member) -> uuid.UUID:
    """A try that was submitted, and whose answer never came."""
    return write_try(member)


def write_try(member: Member, upstream_id: str | None = None) -> uuid.UUID:
    pursuing.keep_secret(KEY, SECRET)
    one = UpstreamTry(
        id=ids.new_id(),
        job_id=ids.new_id(),
        account_id=member.caller.account_id,
        attempt=1,
        fence=2,
        upstream_key=KEY,
        model="wavespeed-ai/infinitetalk",
        upstream_id=upstream_id,
    )
    with transaction() as session:
        session.add(one)
        return one.id


def tell(
    client: TestClient,
    try_id: uuid.UUID | str,
    *,
    secret: str = SECRET,
    body: bytes = BODY,
    signed: bytes = BODY,
    age_seconds: int = 0,
    name: str = "pred-1",
) -> httpx.Response:
    moment = int(time.time()) - age_seconds
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(moment),
        "webhook-signature": signatures.v3(secret, name, moment, signed),
        "content-type": "application/json",
    }
    shown = try_id.hex if isinstance(try_id, uuid.UUID) else try_id
    answer: httpx.Response = client.post(f"/callbacks/wavespeed/{shown}", content=body, headers=headers)
    return answer


def look(try_id: uuid.UUID) -> UpstreamTry:
    with transaction() as session:
        return session.scalars(select(UpstreamTry).where(UpstreamTry.id == try_id)).one()


def test_a_signed_webhook_has_the_upstream_asked_at_once(client: TestClient, sent: uuid.UUID) -> None:
    assert tell(client, sent).status_code == 204

    one = look(sent)
    assert one.told_at is not None
    assert (one.upstream_id, one.doubted_at) == ("pred-1", None), "a try in doubt is known to be there from now on"
    assert [there.id for there in pursuing.told(5)] == [sent]
    assert pursuing.told(5) == [], "asked about once"


def test_a_webhook_that_comes_twice_changes_nothing(client: TestClient, sent: uuid.UUID) -> None:
    tell(client, sent)
    before = look(sent)

    assert tell(client, sent).status_code == 204
    assert look(sent).told_at == before.told_at


@pytest.mark.parametrize("age_seconds", [-400, 301, 86_400])
def test_a_recording_from_another_time_is_refused(client: TestClient, sent: uuid.UUID, age_seconds: int) -> None:
    assert tell(client, sent, age_seconds=age_seconds).status_code == 401
    assert look(sent).told_at is None


def test_another_secret_or_another_body_is_refused(client: TestClient, sent: uuid.UUID) -> None:
    assert tell(client, sent, secret="whsec_forged").status_code == 401
    assert tell(client, sent, body=BODY + b" ").status_code == 401
    assert look(sent).told_at is None


def test_a_webhook_about_another_prediction_does_not_touch_the_try(client: TestClient, member: Member) -> None:
    try_id = write_try(member, upstream_id="mine")

    assert tell(client, try_id, name="another").status_code == 204
    one = look(try_id)
    assert (one.upstream_id, one.told_at) == ("mine", None)


def test_a_webhook_of_one_try_that_is_played_to_another_says_nothing_of_it(client: TestClient, member: Member) -> None:
    write_try(member, upstream_id="pred-1")
    in_doubt = write_try(member)

    assert tell(client, in_doubt).status_code == 204
    assert (look(in_doubt).upstream_id, look(in_doubt).told_at) == (None, None)


def test_a_webhook_of_one_lost_try_that_is_played_to_another_says_nothing_of_it(
    client: TestClient, member: Member
) -> None:
    """The answers to both submits were lost: only what each was given tells them apart."""
    first, second = write_try(member), write_try(member)
    link = f"https://bucket.test/a.wav?X-Amz-Date=1&{markers.note(first)}&X-Amz-Signature=2"
    body = json.dumps({"id": "pred-1", "status": "completed", "input": {"audio": link}}).encode()

    assert tell(client, second, body=body, signed=body).status_code == 204
    assert (look(second).upstream_id, look(second).told_at) == (None, None)
    assert tell(client, first, body=body, signed=body).status_code == 204
    assert look(first).upstream_id == "pred-1"


def test_of_a_flood_of_forged_webhooks_the_signed_ones_are_heard(client: TestClient, member: Member) -> None:
    sent = [write_try(member, upstream_id=f"pred-{number}") for number in range(40)]

    def call(number: int) -> int:
        is_forged = bool(number % 4)
        secret = "whsec_forged" if is_forged else SECRET
        return tell(client, sent[number // 4], secret=secret, name=f"pred-{number // 4}").status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(call, range(160)))

    assert [status for number, status in enumerate(statuses) if number % 4] == [401] * 120
    assert statuses[::4] == [204] * 40
    assert all(look(one).told_at for one in sent)


@pytest.mark.parametrize("name", ["0" * 32, "no-id", "%2e%2e"])
def test_what_we_never_sent_has_no_callback(client: TestClient, sent: uuid.UUID, name: str) -> None:
    assert tell(client, name).status_code == 404


def test_a_key_whose_secret_is_not_known_is_not_believed(client: TestClient, sent: uuid.UUID) -> None:
    pursuing.keep_secret(KEY, "")

    assert tell(client, sent, secret="").status_code == 401


@pytest.mark.parametrize("left_out", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_webhook_without_its_headers_is_refused_in_words(client: TestClient, sent: uuid.UUID, left_out: str) -> None:
    headers = {"webhook-id": "pred-1", "webhook-timestamp": "1", "webhook-signature": "v3,00"}
    del headers[left_out]

    answer = client.post(f"/callbacks/wavespeed/{sent.hex}", content=BODY, headers=headers)

    assert answer.status_code == 400
    assert left_out in answer.json()["error"]["message"]


def test_a_body_that_tells_of_more_than_a_prediction_is_not_taken_in(client: TestClient, sent: uuid.UUID) -> None:
    assert tell(client, sent, body=b" " * (callbacks.BODY_MAX_BYTES + 1)).status_code == 413
    assert look(sent).told_at is None
