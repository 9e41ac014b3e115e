"""Promises about delivery, kept against receivers that answer, fail, hang, redirect and go."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from api.wavespeed import envelope
from jobs import accounts, lifecycle, listing, outbox, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.tables import Delivery, Receiver
from tests import factories
from tests.api.open_door import wait_for
from tests.fakes.receiver import BROKEN, CUT, GONE, HANGING, Mood
from tests.fakes.receiver import Receiver as FakeReceiver
from tests.rules.test_signatures import verify_v3
from tests.workers.couriers import (
    closed_port,
    completed,
    deliveries,
    delivering,
    make_due,
    statuses,
    tries,
    wait_for_tries,
    wait_until_settled,
)

pytestmark = pytest.mark.usefixtures("webhooks_at_home")


def test_the_url_of_a_request_is_told_the_bare_prediction_in_wavespeeds_form(
    caller: Caller, receiver: FakeReceiver
) -> None:
    job = completed(caller, webhook_url=receiver.url("/hook?a=b&c=d"))
    with delivering():
        wait_until_settled()
    [told] = receiver.at("/hook?a=b&c=d")
    shown = envelope.listed(listing.job(caller, job.id), with_input=True)
    assert told.body.decode() == shown.model_dump_json()
    assert list(told.told)[:4] == ["id", "model", "input", "outputs"]
    assert told.headers["content-type"] == "application/json"
    assert told.headers["webhook-id"] == job.id.hex
    assert abs(int(told.headers["webhook-timestamp"]) - told.at) < 60
    with transaction() as session:
        secret = accounts.webhook_secret(session, caller)
    assert verify_v3(secret, told.headers, told.body)


@pytest.mark.parametrize("how", ["failed", "cancelled"])
def test_every_final_state_is_told(caller: Caller, receiver: FakeReceiver, how: str) -> None:
    job = factories.submit(caller, webhook_url=receiver.url())
    if how == "cancelled":
        lifecycle.cancel(caller, job.id)
    else:
        lifecycle.stumble(factories.claim(), EngineError("the engine broke", permanent=True))
    with delivering():
        wait_until_settled()
    [told] = receiver.received
    assert (told.told["id"], told.told["status"], told.told["outputs"]) == (job.id.hex, "failed", [])
    assert told.told["error"]


def test_an_endpoint_is_told_what_it_subscribed_to_and_nothing_else(caller: Caller, receiver: FakeReceiver) -> None:
    wanted = webhooks.register(caller, url=receiver.url("/wanted"), kinds=["job.completed"])
    webhooks.register(caller, url=receiver.url("/other"), kinds=["job.failed", "budget.reached"])
    job = completed(caller, tags=("one",), metadata={"scene": 4})
    with transaction() as session:
        outbox.announce(session, caller.account_id, "budget.reached", {"spent_usd": 5.0})
    with delivering():
        wait_until_settled()
    [told] = receiver.at("/wanted")
    assert told.told["type"] == "job.completed"
    assert told.told["data"]["id"] == job.id.hex
    assert told.told["data"]["metadata"] == {"scene": 4}
    assert told.told["data"]["output"]["link"].partition("?")[0].endswith(".mp4")
    [other] = receiver.at("/other")
    assert (other.told["type"], other.told["data"]) == ("budget.reached", {"spent_usd": 5.0})
    assert told.headers["webhook-id"] != other.headers["webhook-id"]
    assert wanted.secret not in told.body.decode()


@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
def test_the_libraries_of_others_verify_what_an_endpoint_receives(
    caller: Caller, receiver: FakeReceiver, library: str
) -> None:
    verifiers = pytest.importorskip(f"{library}.webhooks", reason=f"{library} is in the development environment")
    endpoint = webhooks.register(caller, url=receiver.url(), kinds=["job.completed"])
    rotated = webhooks.rotate(caller, endpoint.id, overlap_seconds=3600)
    completed(caller)
    with delivering():
        wait_until_settled()
    [told] = receiver.received
    for secret in (endpoint.secret, rotated.secret):
        verifiers.Webhook(secret).verify(told.body.decode(), told.headers)
    assert endpoint.secret != rotated.secret


def test_a_failed_try_is_repeated_with_the_same_id_and_a_new_timestamp(caller: Caller, receiver: FakeReceiver) -> None:
    receiver.mood = BROKEN
    completed(caller, webhook_url=receiver.url())
    with delivering():
        wait_for_tries(1)
        [owed] = deliveries()
        assert (owed.status, owed.tries, owed.reason) == ("owed", 1, "it answered 500")
        assert timedelta(seconds=3) < owed.due_at - tries(owed)[0].at < timedelta(seconds=8)
        receiver.mood = Mood()
        make_due()
        [delivery] = wait_until_settled()
    assert [(one.status, one.answer) for one in tries(delivery)] == [(500, "it broke"), (200, "ok")]
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


def test_all_tries_used_up_it_is_given_up_and_can_be_sent_again(caller: Caller, receiver: FakeReceiver) -> None:
    receiver.mood = Mood(status=404)  # its own fault, so that nothing is shut
    completed(caller, webhook_url=receiver.url())
    with transaction() as session:
        session.execute(update(Delivery).values(tries=9))
    with delivering():
        [delivery] = wait_until_settled()
        assert (delivery.status, delivery.reason) == ("given_up", "it answered 404; given up after 10 tries")
        receiver.mood = Mood()
        webhooks.resend(caller, delivery.id)
        [delivery] = wait_until_settled()
    assert delivery.status == "delivered"
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 1


def test_a_receiver_that_hangs_costs_its_time_and_no_more(caller: Caller, receiver: FakeReceiver) -> None:
    receiver.moods["/hangs"] = HANGING
    receiver.moods["/drips"] = Mood(body=b"x" * 10_000, drips=True)
    hanging = webhooks.register(caller, url=receiver.url("/hangs"), kinds=["job.completed"])
    dripping = webhooks.register(caller, url=receiver.url("/drips"), kinds=["job.completed"])
    good = webhooks.register(caller, url=receiver.url("/good"), kinds=["job.completed"])
    for _ in range(30):
        completed(caller)
    with delivering():
        wait_for(lambda: len(receiver.at("/good")) == 30, "the good one has all", 30)
        wait_for(lambda: len(webhooks.deliveries(caller, hanging.id)) == 30, "they are there")
        wait_for(lambda: any(one.reason for one in webhooks.deliveries(caller, hanging.id)), "one try is over")
    assert {one.status for one in webhooks.deliveries(caller, good.id)} == {"delivered"}
    [tried] = {one.reason for one in webhooks.deliveries(caller, hanging.id)} - {""}
    assert tried == "it did not answer within 2 seconds"
    assert "delivered" not in {one.status for one in webhooks.deliveries(caller, hanging.id)}
    assert {one.status for one in webhooks.deliveries(caller, dripping.id)} <= {"owed", "delivered"}


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (CUT, "what it answered is not HTTP"),
        (Mood(status=302, headers=("Location: http://127.0.0.1/",)), "it answered 302, and redirects are not followed"),
        (Mood(status=429, headers=("Retry-After: 120",)), "it answered 429"),
    ],
)
def test_what_is_no_success_is_tried_again_and_says_why(
    caller: Caller, receiver: FakeReceiver, mood: Mood, reason: str
) -> None:
    receiver.mood = mood
    completed(caller, webhook_url=receiver.url())
    with delivering():
        wait_for_tries(1)
    [delivery] = deliveries()
    assert (delivery.status, delivery.reason) == ("owed", reason)
    assert len(receiver.received) == 1, "a redirect is not followed"
    if mood.status == 429:
        assert delivery.due_at - tries(delivery)[0].at > timedelta(seconds=115)


def test_nobody_at_home_is_no_answer(caller: Caller, receiver: FakeReceiver) -> None:
    completed(caller, webhook_url=f"http://127.0.0.1:{closed_port()}/")
    with delivering():
        wait_for_tries(1)
    [delivery] = deliveries()
    [found] = tries(delivery)
    assert (found.status, found.error) == (None, "it could not be connected to")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://10.0.0.1/", "a private network"),
        ("https://169.254.169.254/latest", "a link-local address"),
        ("https://[::ffff:10.0.0.1]/", "a private network"),
        ("http://93.184.216.34/", "over https"),
    ],
)
def test_an_address_that_may_not_be_called_is_never_called_and_says_why(caller: Caller, url: str, reason: str) -> None:
    completed(caller, webhook_url=url)
    with delivering():
        [delivery] = wait_until_settled()
    assert delivery.status == "given_up"
    assert reason in delivery.reason


def test_an_endless_answer_is_cut_and_its_first_bytes_kept(caller: Caller, receiver: FakeReceiver) -> None:
    receiver.mood = Mood(body=b"\x00\xff" * 10**6)
    completed(caller, webhook_url=receiver.url())
    with delivering():
        [delivery] = wait_until_settled()
    [found] = tries(delivery)
    assert delivery.status == "delivered"
    assert found.answer == "\ufffd" * 512


def test_410_switches_an_endpoint_off_with_a_reason_and_tells_the_others(
    caller: Caller, receiver: FakeReceiver
) -> None:
    receiver.moods["/gone"] = GONE
    gone = webhooks.register(caller, url=receiver.url("/gone"), kinds=["job.completed"])
    webhooks.register(caller, url=receiver.url("/others"), kinds=["webhook.disabled"])
    completed(caller)
    with delivering():
        wait_for(lambda: bool(receiver.at("/others")), "the others have heard")
    found = webhooks.endpoint(caller, gone.id)
    assert found.disabled_at is not None
    assert found.disabled_reason == "it answered 410: it wants no more webhooks"
    [told] = receiver.at("/others")
    assert told.told["data"] == {"endpoint": gone.id.hex, "reason": found.disabled_reason}
    completed(caller)
    assert [one.status for one in webhooks.deliveries(caller, gone.id)] == ["given_up", "given_up"]
    receiver.moods.clear()
    webhooks.resume(caller, gone.id)
    assert webhooks.replay(caller, gone.id, datetime(2020, 1, 1, tzinfo=UTC)) == 2
    with delivering():
        wait_until_settled()
    assert len(receiver.at("/gone")) == 3


def test_days_of_failure_switch_an_endpoint_off(caller: Caller, receiver: FakeReceiver) -> None:
    receiver.mood = BROKEN
    endpoint = webhooks.register(caller, url=receiver.url(), kinds=["job.completed"])
    with transaction() as session:
        long_ago, yesterday = (datetime.now(UTC) - timedelta(days=days, minutes=1) for days in (5, 1))
        session.add(Receiver(lane=endpoint.id, failures=4, failing_since=long_ago, failed_at=yesterday))
    for _ in range(3):
        completed(caller)
    with delivering():
        wait_for(lambda: webhooks.endpoint(caller, endpoint.id).disabled_at is not None, "it is off")
        wait_for(lambda: webhooks.give_up_old() >= 0 and "owed" not in statuses(), "what is owed is given up")
    assert webhooks.endpoint(caller, endpoint.id).disabled_reason == "every post failed for 5 days"
    assert "its endpoint was switched off" in {one.reason for one in deliveries()}


def test_a_shut_receiver_is_left_in_peace_and_what_it_is_owed_uses_up_no_tries(
    caller: Caller, receiver: FakeReceiver
) -> None:
    receiver.moods["/broken"] = BROKEN
    broken = webhooks.register(caller, url=receiver.url("/broken"), kinds=["job.completed"])
    webhooks.register(caller, url=receiver.url("/good"), kinds=["job.completed"])
    for _ in range(20):
        completed(caller)
    with delivering():
        wait_for(lambda: len(receiver.at("/good")) == 20, "the good one has all")
        wait_for(lambda: standing(broken.id) >= 5 and not in_hand(broken.id), "it is shut, and nothing is under way")
        before = len(receiver.at("/broken"))
        completed(caller)
        wait_for(lambda: len(receiver.at("/good")) == 21, "the good one has one more")
    assert len(receiver.at("/broken")) == before
    owed = webhooks.deliveries(caller, broken.id)
    assert sum(one.tries for one in owed) == before
    assert {one.status for one in owed} == {"owed"}


def in_hand(endpoint_id: object) -> int:
    """How many deliveries a courier is just about to post to it, or posting."""
    return sum(one.endpoint_id == endpoint_id and one.taken_until is not None for one in deliveries())


def standing(lane: object) -> int:
    with transaction() as session:
        row = session.get(Receiver, lane)
        return row.failures if row else 0
