"""Promises about reads that are asked together: one query for all, and yet everybody's own answer or error."""

import asyncio
import threading
import uuid
from collections.abc import Sequence

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from api import gathering
from api.gathering import Gathering, in_a_thread
from jobs import accounts, listing
from jobs.accounts import Caller
from jobs.database import engine, transaction
from jobs.errors import CallerError, NotAuthenticated, NotFound, Unavailable
from jobs.listing import Reading
from tests import factories
from tests.conftest import Member, set_settings

PATIENCE_SECONDS = 10.0


class Ledger:
    """Answers each number with itself, and below zero with an error; notes what was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.begun = threading.Semaphore(0)

    def answer(self, questions: Sequence[int]) -> list[int | CallerError]:
        self.asked.append(list(questions))
        self.begun.release()
        assert self.may_answer.wait(PATIENCE_SECONDS)
        return [NotFound(f"{question}") if question < 0 else question for question in questions]


async def all_of(gathering: Gathering[int, int], questions: Sequence[int]) -> list[int | BaseException]:
    return await asyncio.gather(*(gathering.ask(question) for question in questions), return_exceptions=True)


def test_what_is_asked_in_one_turn_is_one_query_and_an_error_is_one_askers_own() -> None:
    ledger = Ledger()
    found = asyncio.run(all_of(Gathering(in_a_thread(ledger.answer)), [1, -2, 3]))
    assert ledger.asked == [[1, -2, 3]]
    assert (found[0], str(found[1]), found[2]) == (1, "-2", 3)


def test_what_breaks_the_query_is_told_to_everybody_and_the_next_is_answered() -> None:
    def away_once(questions: Sequence[int]) -> list[int | CallerError]:
        asked.append(questions)
        if len(asked) == 1:
            raise Unavailable("away", retry_after_seconds=2)
        return [1]

    async def story() -> None:
        gathering = Gathering(in_a_thread(away_once))
        assert [type(said) for said in await all_of(gathering, [1, 2, 3])] == [Unavailable] * 3
        assert await gathering.ask(1) == 1

    asked: list[Sequence[int]] = []
    asyncio.run(story())


def test_whoever_asks_while_a_query_is_under_way_is_in_the_next() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer))
        first = await begun(gathering, 1, ledger)
        late = [asyncio.ensure_future(gathering.ask(number)) for number in (10, 11, 12)]
        await asyncio.sleep(0)
        assert ledger.asked == [[1]]
        ledger.may_answer.set()
        assert await asyncio.gather(first, *late) == [1, 10, 11, 12]

    ledger = Ledger()
    ledger.may_answer.clear()
    asyncio.run(story())
    assert ledger.asked == [[1], [10, 11, 12]]


def test_one_who_leaves_takes_nobody_along() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer))
        under_way = await begun(gathering, 1, ledger)
        waiting = [asyncio.ensure_future(gathering.ask(number)) for number in (10, 11)]
        await asyncio.sleep(0)
        under_way.cancel()
        waiting[0].cancel()
        ledger.may_answer.set()
        said = await asyncio.gather(under_way, *waiting, return_exceptions=True)
        assert [type(one) for one in said[:2]] == [asyncio.CancelledError] * 2
        assert said[2] == 11

    ledger = Ledger()
    ledger.may_answer.clear()
    asyncio.run(story())
    assert ledger.asked == [[1], [11]]


def test_a_pace_keeps_queries_apart_and_loses_nobody() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer), pace_seconds=0.05)
        began = asyncio.get_running_loop().time()
        for number in range(3):
            assert await gathering.ask(number) == number
        assert asyncio.get_running_loop().time() - began >= 0.1

    ledger = Ledger()
    asyncio.run(story())
    assert ledger.asked == [[0], [1], [2]]


def test_enough_who_wait_need_not_keep_the_pace_and_no_more_go_together() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer), enough=2, pace_seconds=3600.0)
        assert await gathering.ask(0) == 0
        assert await all_of(gathering, [1, 2, 3, 4]) == [1, 2, 3, 4]

    ledger = Ledger()
    asyncio.run(story())
    assert ledger.asked == [[0], [1, 2], [3, 4]]


def test_with_a_rest_the_next_waits_for_those_just_answered_and_for_nobody_else() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer), rest_seconds=3600.0)
        first = await begun(gathering, 1, ledger)
        late = asyncio.ensure_future(gathering.ask(2))
        ledger.may_answer.set()
        assert await first == 1
        await asyncio.sleep(0.01)
        assert ledger.asked == [[1]]
        assert [*await asyncio.gather(late, gathering.ask(3))] == [2, 3]

    ledger = Ledger()
    ledger.may_answer.clear()
    asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))
    assert ledger.asked == [[1], [2, 3]]


def test_a_rest_is_over_though_those_just_answered_do_not_come_back() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer), rest_seconds=0.01)
        assert await all_of(gathering, [1, 2, 3]) == [1, 2, 3]
        assert await gathering.ask(4) == 4
        assert await gathering.ask(5) == 5

    ledger = Ledger()
    asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))
    assert ledger.asked == [[1, 2, 3], [4], [5]]


def test_while_nothing_is_answered_no_more_are_taken_in_than_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        all_asked = Gathering(in_a_thread(ledger.answer))
        first = await begun(all_asked, 1, ledger)
        late = [asyncio.ensure_future(all_asked.ask(number)) for number in (10, 11)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await all_asked.ask(12)
        ledger.may_answer.set()
        assert await asyncio.gather(first, *late) == [1, 10, 11]

    monkeypatch.setattr(gathering, "WAITING_MAX", 2)
    ledger = Ledger()
    ledger.may_answer.clear()
    asyncio.run(story())


def test_when_all_who_wait_have_left_the_next_is_answered() -> None:
    async def story() -> None:
        gathering = Gathering(in_a_thread(ledger.answer))
        gone = asyncio.ensure_future(gathering.ask(1))
        await asyncio.sleep(0)
        gone.cancel()
        assert await gathering.ask(2) == 2

    ledger = Ledger()
    asyncio.run(story())
    assert ledger.asked == [[2]]


async def begun(gathering: Gathering[int, int], question: int, ledger: Ledger) -> "asyncio.Future[int]":
    """The answer to come to a question whose query is under way."""
    asked = asyncio.ensure_future(gathering.ask(question))
    assert await asyncio.to_thread(ledger.begun.acquire, timeout=PATIENCE_SECONDS)
    return asked


def test_many_are_read_over_one_connection_and_nobody_reads_anothers(member: Member, stranger: Member) -> None:
    ours, theirs = factories.submit(member.caller), factories.submit(stranger.caller)
    asked: list[tuple[str, uuid.UUID | None]] = [
        (member.key, ours.id),
        (member.key, theirs.id),
        (stranger.key, theirs.id),
        (member.key, None),
        ("duo_nobody", ours.id),
        ("", ours.id),
        (member.key, uuid.uuid4()),
        (member.key, ours.id),
    ]
    lent: list[object] = []

    def note(*what: object) -> None:
        lent.append(what)

    event.listen(engine(), "checkout", note)
    found = listing.readings(asked)
    event.remove(engine(), "checkout", note)
    assert len(lent) == 1
    assert [said.id if isinstance(said, Reading) else type(said) for said in found] == [
        ours.id, NotFound, theirs.id, NotFound, NotAuthenticated, NotAuthenticated, NotFound, ours.id,
    ]  # fmt: skip


def test_a_revoked_key_is_refused_at_once(client: TestClient, caller: Caller, member: Member) -> None:
    place = f"/api/v3/predictions/{factories.submit(caller).id.hex}/result"
    assert client.get(place, headers=member.headers).status_code == 200
    with transaction() as session:
        accounts.revoke_key(session, caller.key_id)
    assert client.get(place, headers=member.headers).status_code == 401


def test_a_result_is_there_as_soon_as_the_submit_is_answered(client: TestClient, member: Member) -> None:
    for _ in range(20):
        submitted = client.post(f"/api/v3/{factories.MULTI}", json=factories.form(), headers=member.headers)
        job_id = submitted.json()["data"]["id"]
        answer = client.get(f"/api/v3/predictions/{job_id}/result", headers=member.headers)
        assert (answer.status_code, answer.json()) == (200, submitted.json())


def test_a_read_shows_the_row_as_it_is_now(client: TestClient, member: Member) -> None:
    place = f"/api/v3/predictions/{factories.submit(member.caller).id.hex}/result"
    assert client.get(place, headers=member.headers).json()["data"]["status"] == "created"
    factories.claim()
    assert client.get(place, headers=member.headers).json()["data"]["status"] == "processing"


def test_while_the_database_is_away_a_read_is_a_503_to_ask_again(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"/api/v3/predictions/{factories.submit(member.caller).id.hex}/result"
    set_settings(monkeypatch, {"DUOLOGUE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"})
    for _ in range(3):
        answer = client.get(place, headers=member.headers)
        assert (answer.status_code, answer.json()["error_code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"]
