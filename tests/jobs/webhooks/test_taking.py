"""Promises about taking up what is due: once, fairly, in order, and free again when whoever took it falls silent."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, update

from jobs import lifecycle, retention, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict
from jobs.rules.deliveries import Tried
from jobs.tables import Delivery, Receiver
from jobs.webhooks import Batch, Letter, Outcome
from jobs.webhooks.taking import START
from tests import factories
from tests.workers.couriers import completed, deliveries, tries

URL = "https://hooks.example.com/"
KINDS = ["job.completed"]
NOW = datetime.now(UTC)


def take(
    most: int = 100, fresh: int = 100, after: uuid.UUID = START, rooms: Mapping[uuid.UUID, int] | None = None
) -> Batch:
    return webhooks.take(most, rooms or {}, fresh, after)


def settle(letters: Sequence[Letter], status: int | None) -> None:
    error = "" if status else "it did not answer"
    tried = Tried(NOW, NOW + timedelta(milliseconds=12), status, error)
    webhooks.settle([Outcome(letter, tried, "said") for letter in letters])


def test_nothing_is_taken_up_twice(caller: Caller) -> None:
    for _ in range(3):
        completed(caller, webhook_url=URL)
    assert len(take().letters) == 3
    assert take().letters == []


def test_what_was_taken_up_is_free_again_when_nobody_tells_how_it_went(caller: Caller) -> None:
    completed(caller, webhook_url=URL)
    [first] = take().letters
    with transaction() as session:
        session.execute(update(Delivery).values(taken_until=func.now() - timedelta(seconds=1)))
    [second] = take().letters
    assert first.webhook_id == second.webhook_id
    settle([first], 500)  # the one who was silent comes back: what it did is told, and decides nothing
    [delivery] = deliveries()
    assert (delivery.status, delivery.tries, len(tries(delivery))) == ("owed", 0, 1)
    settle([second], 200)
    [delivery] = deliveries()
    assert (delivery.status, delivery.tries, len(tries(delivery))) == ("delivered", 1, 2)


def test_what_is_handed_back_is_due_as_it_was(caller: Caller) -> None:
    completed(caller, webhook_url=URL)
    webhooks.hand_back(take().letters)
    [again] = take().letters
    assert again.tries == 0


def test_no_backlog_stands_before_anothers(caller: Caller) -> None:
    for _ in range(20):
        completed(caller, webhook_url="https://long.example.com/")
    for number in range(3):
        completed(caller, webhook_url=f"https://short{number}.example.com/")
    taken = take(most=100, fresh=2).letters
    assert sorted(len([one for one in taken if one.lane == lane]) for lane in {one.lane for one in taken}) == [
        1,
        1,
        1,
        2,
    ]


def test_a_walk_goes_on_where_the_last_one_ended(caller: Caller) -> None:
    for number in range(5):
        completed(caller, webhook_url=f"https://h{number}.example.com/")
    first = take(most=2)
    assert not first.is_whole
    rest = take(most=10, after=first.after)
    assert rest.is_whole
    assert len({one.lane for one in [*first.letters, *rest.letters]}) == 5


def test_a_lane_without_room_is_passed_over(caller: Caller) -> None:
    full, free = (webhooks.register(caller, url=URL, kinds=KINDS) for _ in range(2))
    completed(caller)
    assert [one.lane for one in take(rooms={full.id: 0}).letters] == [free.id]


def test_of_one_job_only_the_oldest_is_taken(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=["job.progress", "job.completed"])
    factories.submit(caller)
    claim = factories.claim()
    lifecycle.renew(claim, "rendering", 0.5)
    assert webhooks.tell_progress() == 1
    assert webhooks.tell_progress() == 0, "one is still owed"
    [progress] = take().letters
    lifecycle.finish(claim, factories.output(claim))
    assert take().letters == [], "the news of progress is still on its way"
    settle([progress], 200)
    assert [one.kind for one in take().letters] == ["job.completed"]


def test_progress_that_was_overtaken_is_told_to_nobody(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=["job.progress", "job.completed"])
    factories.submit(caller)
    claim = factories.claim()
    assert webhooks.tell_progress() == 1
    lifecycle.finish(claim, factories.output(claim))
    assert take().letters == []
    assert [one.kind for one in take().letters] == ["job.completed"]
    assert [(one.status, one.reason) for one in deliveries(Delivery.kind == "job.progress")] == [
        ("given_up", "the job went on meanwhile")
    ]


def test_progress_is_told_once_for_each_step(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=["job.progress"])
    factories.submit(caller)
    claim = factories.claim()
    for progress in (0.1, 0.1, 0.2):
        lifecycle.renew(claim, "rendering", progress)
        webhooks.tell_progress()
        settle(take().letters, 200)
    assert [one.detail["progress"] for one in deliveries()] == [0.1, 0.2]


def test_a_failing_receiver_gets_one_at_a_time_and_a_shut_one_none(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    for _ in range(5):
        completed(caller)
    settle(take(fresh=1).letters, 503)
    [probe] = take().letters
    assert probe.is_failing
    webhooks.hand_back([probe])
    with transaction() as session:
        session.execute(update(Receiver).values(shut_until=func.now() + timedelta(minutes=1)))
    assert take().letters == []
    with pytest.raises(Conflict, match="left in peace until"):
        webhooks.test(caller, endpoint.id)
    webhooks.resume(caller, endpoint.id)
    assert len(take().letters) == 4, "its owner says that it is mended; the one that failed waits for its time"


def test_a_success_makes_all_well_again(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=KINDS)
    for _ in range(4):
        completed(caller)
    settle(take(fresh=1).letters, None)
    settle(take().letters, 200)
    assert len(take().letters) == 2


def test_a_paused_endpoint_keeps_what_it_is_owed(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    webhooks.pause(caller, endpoint.id)
    completed(caller)
    assert take().letters == []
    webhooks.resume(caller, endpoint.id)
    assert len(take().letters) == 1


def test_what_waited_for_longer_than_failures_may_is_posted_once_its_endpoint_is_resumed(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    webhooks.pause(caller, endpoint.id)
    for _ in range(3):
        completed(caller)
    with transaction() as session:
        session.execute(update(Delivery).values(owed_since=func.now() - timedelta(days=6)))
    webhooks.resume(caller, endpoint.id)
    assert webhooks.give_up_old() == 0
    assert len(take().letters) == 3


def test_a_new_url_takes_what_is_owed(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    completed(caller)
    webhooks.change(caller, endpoint.id, {"url": f"{URL}new"})
    assert [one.url for one in take().letters] == [f"{URL}new"]


@pytest.mark.parametrize("status", [410, 503])
def test_what_failed_at_the_old_url_is_posted_to_the_new_one_and_says_nothing_of_it(
    caller: Caller, status: int
) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    completed(caller)
    [letter] = take().letters
    webhooks.change(caller, endpoint.id, {"url": f"{URL}new"})
    settle([letter], status)
    assert webhooks.endpoint(caller, endpoint.id).disabled_at is None
    [again] = take().letters
    assert (again.url, again.is_failing) == (f"{URL}new", False)


def test_what_is_owed_for_too_long_is_given_up_and_what_was_settled_long_ago_forgotten(caller: Caller) -> None:
    completed(caller, webhook_url=URL)
    with transaction() as session:
        session.execute(update(Delivery).values(owed_since=func.now() - timedelta(days=5, seconds=1)))
    assert webhooks.give_up_old() == 1
    [delivery] = deliveries()
    assert (delivery.status, delivery.reason) == ("given_up", "owed for 5 days, while its receiver failed")
    assert webhooks.forget() == 0
    with transaction() as session:
        session.execute(update(Delivery).values(settled_at=func.now() - timedelta(days=31)))
    assert webhooks.forget() == 1
    assert deliveries() == []


def test_what_is_tried_once_is_forgotten_after_a_day(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    completed(caller)
    webhooks.test(caller, endpoint.id)
    settle(take().letters, 200)
    assert webhooks.forget() == 0
    with transaction() as session:
        session.execute(update(Delivery).values(settled_at=func.now() - timedelta(days=1, minutes=1)))
    assert webhooks.forget() == 1
    assert [one.kind for one in deliveries()] == ["job.completed"]


def test_a_letter_shows_no_secret(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    completed(caller)
    [letter] = take().letters
    assert endpoint.secret not in repr(letter)
    assert endpoint.secret not in repr(letter.post(0))
    assert "Signature" not in repr(letter)


def test_what_is_owed_of_a_deleted_job_is_given_up(caller: Caller) -> None:
    webhooks.register(caller, url=URL, kinds=KINDS)
    job = completed(caller, webhook_url=URL)
    retention.delete_jobs(caller, [job.id])
    assert take().letters == []
    assert [(one.status, one.reason) for one in deliveries()] == [("given_up", "its job is no longer kept")] * 2


@pytest.mark.parametrize("end", ["switched off", "deleted"])
def test_nothing_is_sent_again_to_an_endpoint_that_takes_nothing(caller: Caller, end: str) -> None:
    endpoint = webhooks.register(caller, url=URL, kinds=KINDS)
    job = completed(caller, webhook_url=URL)
    settle(take().letters, 410 if end == "switched off" else 200)
    if end == "deleted":
        webhooks.remove(caller, endpoint.id)
    [delivery] = deliveries(Delivery.endpoint_id == endpoint.id)
    with pytest.raises(Conflict, match=end):
        webhooks.resend(caller, delivery.id)
    assert webhooks.resend_of_jobs([job.id]) == 1, "only to the URL of the request"
