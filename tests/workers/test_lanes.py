"""Promises about how much is held for each receiver: little at first, more as it answers, one while it fails."""

import uuid

from jobs.webhooks import Letter
from workers.lanes import FRESH, Lane, Lanes


def letter(lane: uuid.UUID | None = None, *, concurrency: int = 16, is_failing: bool = False) -> Letter:
    return Letter(
        uuid.uuid4(), 1, lane or uuid.uuid4(), None, "job.completed", 0, "a", "https://h.example/", concurrency,
        is_failing, ("whsec_",), b"{}",
    )  # fmt: skip


def go_through(lane: Lane, *, is_trouble: bool) -> int:
    """Post as many at once as it may, and have all end alike; how many those were."""
    while lane.may_post:
        lane.begin()
    at_once, lane.posting = lane.posting, 0
    for _ in range(at_once):
        lane.learn(is_trouble=is_trouble)
    return at_once


def filled(lane: Lane, count: int = 100) -> Lane:
    lane.queue.extend(letter() for _ in range(count))
    return lane


def test_a_receiver_that_answers_gets_more_and_more_at_once_up_to_its_limit() -> None:
    lane = filled(Lane(letter(concurrency=5)))
    assert [go_through(lane, is_trouble=False) for _ in range(4)] == [2, 4, 5, 5]


def test_a_changed_limit_holds_for_a_receiver_that_is_busy() -> None:
    lanes, name = Lanes(), uuid.uuid4()
    [lane] = lanes.take_in([letter(name, concurrency=5)])
    assert [go_through(filled(lane), is_trouble=False) for _ in range(4)] == [2, 4, 5, 5]
    lanes.take_in([letter(name, concurrency=1)])
    assert [go_through(lane, is_trouble=False) for _ in range(2)] == [1, 1]
    lanes.take_in([letter(name, concurrency=3)])
    assert [go_through(lane, is_trouble=False) for _ in range(3)] == [1, 2, 3]


def test_one_that_fails_gets_one_at_a_time_and_begins_anew_when_it_answers() -> None:
    lane = filled(Lane(letter()))
    go_through(lane, is_trouble=False)
    assert [go_through(lane, is_trouble=True) for _ in range(3)] == [4, 1, 1]
    assert go_through(lane, is_trouble=False) == 1
    assert go_through(lane, is_trouble=False) == 3


def test_one_that_failed_before_begins_with_one() -> None:
    assert go_through(filled(Lane(letter(is_failing=True))), is_trouble=True) == 1


def test_there_is_little_room_until_a_receiver_has_answered() -> None:
    lane = Lane(letter())
    assert lane.room == FRESH
    lane.learn(is_trouble=False)
    assert lane.room == 24
    filled(lane, 30)
    assert lane.room == 0
    assert len(lane.give_back()) == 30
    lane.learn(is_trouble=True)
    assert lane.room == 1


def test_what_is_held_is_counted_over_all_receivers() -> None:
    lanes, one, other = Lanes(), uuid.uuid4(), uuid.uuid4()
    touched = lanes.take_in([letter(one), letter(one), letter(other)])
    assert (len(touched), lanes.held) == (2, 3)
    assert lanes.rooms() == {one: FRESH - 2, other: FRESH - 1}
    assert len(lanes.give_back()) == 3
    assert lanes.held == 0
