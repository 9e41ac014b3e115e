"""Promises of the stream of deliveries: in order, none lost with its connection, and cheap for those who wait."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import event, select

from api.app import create_app
from api.v1.listening import TICK_SECONDS
from api.watching import Hub
from jobs import accounts, webhooks
from jobs.database import engine, transaction
from jobs.tables import Delivery, Endpoint
from tests.api.open_door import served, wait_for
from tests.conftest import Member
from tests.story.house import house
from tests.workers.couriers import completed

EVENTS = ["job.completed", "job.failed"]


@pytest.fixture
def door(bucket: str) -> Iterator[str]:
    with served(create_app()) as url:
        yield url


def test_a_listener_is_given_signed_deliveries_as_they_come(door: str, member: Member) -> None:
    made = listened(door, member)
    first = completed(member.caller).id.hex
    with listening(door, member, made) as stream:
        told = next(stream)
        assert json.loads(told["body"])["data"]["id"] == first
        second = completed(member.caller).id.hex
        assert json.loads(next(stream)["body"])["data"]["id"] == second
        wait_for(lambda: stand() == ["delivered"] * 2, "both count as delivered")


def test_what_a_listener_may_not_have_heard_is_told_again(door: str, member: Member) -> None:
    made = listened(door, member)
    jobs = [completed(member.caller).id.hex for _ in range(5)]
    with listening(door, member, made) as stream:
        next(stream)  # and then the connection breaks
    wait_for(lambda: webhooks.with_news([UUID(made["id"])]) != set(), "all are free again")
    with listening(door, member, made) as stream:
        assert [json.loads(next(stream)["body"])["data"]["id"] for _ in jobs] == jobs


def test_whoever_comes_back_is_told_again_what_came_after_what_it_heard_last(door: str, member: Member) -> None:
    made = listened(door, member)
    jobs = [completed(member.caller).id.hex for _ in range(5)]
    with listening(door, member, made) as stream:
        heard = [next(stream)["headers"]["webhook-id"] for _ in jobs]
        wait_for(lambda: stand() == ["delivered"] * 5, "they count as delivered")
    with listening(door, member, made, {"Last-Event-ID": heard[2]}) as stream:
        assert [next(stream)["headers"]["webhook-id"] for _ in range(2)] == heard[3:]


def test_whoever_heard_nothing_before_its_connection_broke_comes_back_with_the_streams_first_id(
    door: str, member: Member
) -> None:
    made = listened(door, member)
    place = f"{door}/v1/webhooks/{made['id']}/listen"
    with httpx.stream("POST", place, headers=member.headers, timeout=20) as answer:
        lines = answer.iter_lines()
        start = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
        job_id = completed(member.caller).id.hex
        wait_for(lambda: stand() == ["delivered"], "it counts as delivered")
    with listening(door, member, made, {"Last-Event-ID": start}) as stream:
        assert json.loads(next(stream)["body"])["data"]["id"] == job_id


def test_a_new_listener_ends_the_one_before(door: str, member: Member) -> None:
    made = listened(door, member)
    with listening(door, member, made) as before, listening(door, member, made) as after:
        assert list(before) == []
        job_id = completed(member.caller).id.hex
        assert json.loads(next(after)["body"])["data"]["id"] == job_id


def test_a_listener_ends_that_is_replaced_at_another_door(door: str, member: Member) -> None:
    made = listened(door, member)
    with served(create_app()) as other, listening(door, member, made) as before:
        wait_for(lambda: pulled() == 1, "it listens")
        with listening(other, member, made) as after:
            jobs = [completed(member.caller).id.hex for _ in range(3)]
            assert list(before) == []
            assert [json.loads(next(after)["body"])["data"]["id"] for _ in jobs] == jobs


def test_whoever_replaces_a_listener_needs_no_place_of_its_own(bucket: str, member: Member) -> None:
    door = create_app()
    door.state.hub = Hub(places=1, account_places=1)
    with served(door) as url:
        made, other = listened(url, member), listened(url, member)
        with listening(url, member, made) as before, listening(url, member, made) as after:
            assert list(before) == []
            with httpx.stream("POST", f"{url}/v1/webhooks/{other['id']}/listen", headers=member.headers) as refused:
                assert refused.status_code == 503
            job_id = completed(member.caller).id.hex
            assert json.loads(next(after)["body"])["data"]["id"] == job_id


def test_streams_end_well_and_at_once_when_the_door_is_closed(
    bucket: str, database: dict[str, str], member: Member, tmp_path: Path
) -> None:
    with house(database, tmp_path, member.key) as built:
        built.open_door()
        with listening(built.url, member, listened(built.url, member)) as stream:
            wait_for(lambda: pulled() == 1, "it listens")
            built.dismiss("door")
            assert list(stream) == []
        assert "Cancel" not in built.log("door").read_text(), "it waited five seconds for an answer that did not end"


def test_one_who_listens_in_vain_asks_nothing_of_its_own_and_writes_nothing(door: str, member: Member) -> None:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    made = [listened(door, member) for _ in range(3)]
    with ExitStack() as streams:
        for one in made:
            streams.enter_context(listening(door, member, one))
        wait_for(lambda: pulled() == 3, "all listen")
        time.sleep(TICK_SECONDS)  # until the last of them is through
        event.listen(engine(), "before_cursor_execute", note)
        streams.callback(event.remove, engine(), "before_cursor_execute", note)
        wait_for(lambda: len(asked) >= 4, "a few ticks have gone by")
    assert all("listened" in statement for statement in asked[:4])


def listened(door: str, member: Member) -> dict[str, Any]:
    """An endpoint to listen to."""
    made: dict[str, Any] = httpx.post(f"{door}/v1/webhooks", json={"events": EVENTS}, headers=member.headers).json()
    assert made["url"] is None
    return made


@contextmanager
def listening(
    door: str, member: Member, made: dict[str, Any], more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Iterator[dict[str, Any]]]:
    """What its stream tells; leaving breaks the connection."""
    place = f"{door}/v1/webhooks/{made['id']}/listen"
    with httpx.stream("POST", place, headers={**member.headers, **more}, timeout=20) as answer:
        assert answer.status_code == 200, answer.read()
        yield hears(answer)


def stand() -> list[str]:
    with transaction() as session:
        return list(session.scalars(select(Delivery.status).order_by(Delivery.id)))


def pulled() -> int:
    with transaction() as session:
        return len(session.scalars(select(Endpoint.id).where(Endpoint.pulled_at.is_not(None))).all())


def hears(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """What a stream's `data` lines hold."""
    return (json.loads(line.removeprefix("data: ")) for line in answer.iter_lines() if line.startswith("data: "))


def test_a_stream_ends_when_its_endpoint_is_deleted(door: str, member: Member) -> None:
    made = httpx.post(f"{door}/v1/webhooks", json={"events": EVENTS}, headers=member.headers).json()
    place = f"{door}/v1/webhooks/{made['id']}"
    with httpx.stream("POST", f"{place}/listen", headers=member.headers, timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": listening"
        assert next(lines).startswith("id: ")
        httpx.delete(place, headers=member.headers).raise_for_status()
        assert not [line for line in lines if line]


def test_a_stream_ends_and_tells_nothing_more_once_its_key_is_revoked(door: str, member: Member) -> None:
    made = httpx.post(f"{door}/v1/webhooks", json={"events": EVENTS}, headers=member.headers).json()
    place = f"{door}/v1/webhooks/{made['id']}/listen"
    with httpx.stream("POST", place, headers=member.headers, timeout=20) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": listening"
        assert next(lines).startswith("id: ")
        with transaction() as session:
            accounts.revoke_key(session, member.caller.key_id)
        completed(member.caller)
        assert next(filter(None, lines), None) is None
    with transaction() as session:
        assert session.scalars(select(Delivery.status)).all() == ["owed"]
