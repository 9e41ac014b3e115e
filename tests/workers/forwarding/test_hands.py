"""Promises about what a forwarder has in hand: it sends nothing in whose place another may have been sent."""

import uuid

import pytest

from cli.fake_wavespeed.plan import DEFAULT_KEY as KEY
from jobs.lifecycle import arriving, forwarding, pursuing
from jobs.rules.tiers import read_keys
from tests.workers.forwarding.conftest import Upstream
from workers.forwarding.hands import Hands, moment

_FROZEN_SECONDS = 100.0
KEYS = read_keys(f"{KEY}:ultra")


@pytest.fixture
def sending(upstream: Upstream) -> uuid.UUID:
    """A try that is marked, whose hold has been over since its forwarder froze."""
    upstream.job()
    [sending] = forwarding.forward(KEYS, 1)
    forwarding.mark({sending.try_id: "https://example.com/left.wav"})
    upstream.expire_holds()
    return sending.try_id


@pytest.fixture
def hands(sending: uuid.UUID) -> Hands:
    """The hands of the forwarder that froze with it."""
    hands = Hands()
    hands.take([sending], moment() - _FROZEN_SECONDS)
    return hands


def test_a_try_that_ended_while_its_forwarder_was_frozen_is_let_go_of_when_it_wakes(
    hands: Hands, sending: uuid.UUID
) -> None:
    [seen] = pursuing.open_of(KEYS[0].name)
    arriving.not_there(seen.id, seen.doubted_since)

    hands.say_alive()

    assert not hands.may_send(sending), "another is sent in its place"
    assert len(hands) == 0


def test_a_try_that_nobody_has_ended_yet_is_sent_by_a_forwarder_that_was_slow(hands: Hands, sending: uuid.UUID) -> None:
    [seen] = pursuing.open_of(KEYS[0].name)
    assert not hands.may_send(sending)

    hands.say_alive()
    arriving.not_there(seen.id, seen.doubted_since)

    assert hands.may_send(sending)
    assert forwarding.still_sending([sending]) == {sending}, "what was seen before that counts no more"
