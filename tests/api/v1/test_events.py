"""Promises of the stream of events: in order, nothing missed, nothing twice, and cheap for however many listen."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from api.app import create_app
from api.v1 import events
from api.watching import TICK_SECONDS, Hub, Watch
from jobs import accounts, lifecycle, listing
from jobs.database import engine, transaction
from jobs.tables import Job
from tests import factories
from tests.api.hearing import Heard, following, heard
from tests.api.open_door import served, wait_for
from tests.conftest import Member, administer
from tests.past import execute
from tests.story.house import house

Move = Callable[[], object]


@pytest.fixture
def app(database: dict[str, str]) -> FastAPI:
    return create_app()


@pytest.fixture
def door(app: FastAPI) -> Iterator[str]:
    with served(app) as url:
        yield url


@pytest.fixture
def job(member: Member) -> Job:
    return factories.submit(member.caller)


def place(door: str, job: Job) -> str:
    return f"{door}/v1/jobs/{job.id.hex}/events"


def timeline(job: Job) -> list[tuple[int, str]]:
    return [(event.id, event.kind) for event in listing.timeline(job)]


def rows(told: list[Heard]) -> list[tuple[int, str]]:
    return [(event.id, event.kind) for event in told if event.id is not None]


def whole_life() -> list[Move]:
    """Moves that take a new job to its end, by way of a holder that hands it back."""
    return [
        lambda: factories.claim("worker-1"),
        lambda: lifecycle.hand_back(holder()),
        lambda: factories.claim("worker-2"),
        lambda: lifecycle.finish(holder(), factories.output(holder())),
    ]


def holder() -> lifecycle.Claim:
    """The claim of whoever holds the one running job."""
    with transaction() as session:
        running = session.query(Job).filter(Job.status == "running").one()
    return lifecycle.claiming._claim_of(running, running.worker or "")


def test_a_stream_tells_the_whole_timeline_and_ends_with_it(client: TestClient, member: Member, job: Job) -> None:
    for move in whole_life():
        move()
    answer = client.get(f"/v1/jobs/{job.id.hex}/events", headers=member.headers)
    shown = client.get(f"/v1/jobs/{job.id.hex}", headers=member.headers).json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert [event.told for event in heard(answer.text.splitlines())] == shown["timeline"]
    assert [event.id for event in heard(answer.text.splitlines())] == [event["id"] for event in shown["timeline"]]
    assert "worker-1" not in answer.text


def test_after_any_event_only_what_came_later_is_told(client: TestClient, member: Member, job: Job) -> None:
    for move in whole_life():
        move()
    path, whole = f"/v1/jobs/{job.id.hex}/events", timeline(job)
    for cut in range(1, len(whole)):
        last = {"last_event_id": whole[cut - 1][0]}
        answer = client.get(path, params=last, headers=member.headers)
        assert rows(list(heard(answer.text.splitlines()))) == whole[cut:]
        newer = client.get(path, params=last, headers=member.headers | {"Last-Event-ID": str(whole[-2][0])})
        assert rows(list(heard(newer.text.splitlines()))) == whole[-1:], "the header is newer than the address"


def test_whoever_heard_the_end_is_told_not_to_come_back(client: TestClient, member: Member, job: Job) -> None:
    lifecycle.cancel(member.caller, job.id)
    headers = member.headers | {"Last-Event-ID": str(timeline(job)[-1][0])}
    answer = client.get(f"/v1/jobs/{job.id.hex}/events", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")


def test_what_happens_is_told_as_it_happens(door: str, member: Member, job: Job) -> None:
    with following(place(door, job), member.headers) as stream:
        assert next(stream).kind == "job.created"
        claim = factories.claim()
        assert next(stream).kind == "job.claimed"
        assert next(stream).told == {"status": "running", "stage": "preparing", "progress": 0.0}
        lifecycle.renew(claim, "rendering", 0.25)
        progress = next(stream)
        assert (progress.id, progress.kind) == (None, "progress")
        assert progress.told == {"status": "running", "stage": "rendering", "progress": 0.25}
        lifecycle.finish(claim, factories.output(claim))
        assert [event.kind for event in stream] == ["job.completed"]


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_whoever_comes_back_misses_nothing_and_hears_nothing_twice(
    door: str, member: Member, job: Job, cut: int
) -> None:
    """A client that loses its connection after every `cut` events, while the job goes on behind its back."""
    moves, told = whole_life(), list[Heard]()
    while not told or told[-1].kind != "job.completed":
        with following(place(door, job), member.headers, told[-1].id if told else None) as stream:
            named = (event for event in stream if event.id is not None)
            for _ in range(cut):
                if (event := next(named, None)) is None:
                    break
                told.append(event)
                if moves:
                    moves.pop(0)()
    assert rows(told) == timeline(job)


def test_a_client_that_has_gone_is_noticed(app: FastAPI, door: str, member: Member, job: Job) -> None:
    with following(place(door, job), member.headers) as stream:
        next(stream)
        assert app.state.hub.watchers == 1
    wait_for(lambda: app.state.hub.watchers == 0, "nobody is watched for")


@pytest.mark.parametrize("lost", ["revoked_at = now()", "scopes = '{submit,manage}'"])
def test_a_stream_ends_when_its_key_may_read_no_longer_and_others_go_on(
    app: FastAPI, member: Member, job: Job, lost: str
) -> None:
    app.state.hub = Hub(keys_seconds=0.1)
    with transaction() as session:
        _, other = accounts.create_key(session, name="another", account="acme")
    with (
        served(app) as door,
        following(place(door, job), {"Authorization": f"Bearer {other}"}) as goes_on,
        following(place(door, job), member.headers) as ends,
    ):
        assert [next(stream).kind for stream in (goes_on, ends)] == ["job.created"] * 2
        execute(f"UPDATE api_keys SET {lost} WHERE id = :id", id=member.caller.key_id)  # noqa: S608 - one of the two above
        wait_for(lambda: app.state.hub.watchers == 1, "one stream has ended")
        assert list(ends) == []
        lifecycle.cancel(member.caller, job.id)
        assert [event.kind for event in goes_on] == ["job.cancelled"]


def test_where_too_many_listen_a_stream_is_refused_and_says_so(
    app: FastAPI, door: str, member: Member, job: Job
) -> None:
    app.state.hub = Hub(places=1)
    with following(place(door, job), member.headers) as stream:
        next(stream)
        refused = httpx.get(place(door, job), headers=member.headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        assert int(refused.headers["Retry-After"]) > 0
    wait_for(lambda: not app.state.hub.is_full, "there is room again")


def test_no_account_takes_all_places_for_streams(
    app: FastAPI, door: str, member: Member, stranger: Member, job: Job
) -> None:
    app.state.hub = Hub(account_places=1)
    theirs = factories.submit(stranger.caller)
    with following(place(door, job), member.headers) as stream:
        next(stream)
        refused = httpx.get(place(door, job), headers=member.headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many")
        with following(place(door, theirs), stranger.headers) as other:
            assert next(other).kind == "job.created"
    wait_for(lambda: app.state.hub.watchers == 0, "it has gone")
    with following(place(door, job), member.headers) as stream:
        next(stream)


def test_a_stream_outlives_a_database_that_goes_away(
    servers: dict[str, str], database: dict[str, str], door: str, member: Member, job: Job
) -> None:
    name = database["DUOLOGUE_DATABASE_URL"].rpartition("/")[2]
    with following(place(door, job), member.headers) as stream:
        next(stream)
        administer(servers, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cut = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - ours
        administer(servers, cut)
        wait_for(lambda: httpx.get(f"{door}/ready").status_code == 503, "the door has noticed")
        administer(servers, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        lifecycle.cancel(member.caller, job.id)
        assert [event.kind for event in stream] == ["job.cancelled"]


def test_a_comment_says_that_we_are_still_here() -> None:
    said: list[str] = []

    async def listen() -> None:
        async def say(text: str) -> None:
            said.append(text)
            if text.startswith(":"):
                watch.close()

        watch = Watch()
        with anyio.fail_after(10):
            await events.tell(watch, 0, say, heartbeat_seconds=0.01)

    anyio.run(listen)
    assert said == ["retry: 1000\n\n", ": nothing new\n\n"]


def test_two_hundred_listeners_cost_one_statement_a_tick(door: str, member: Member) -> None:
    jobs = [factories.submit(member.caller) for _ in range(50)]
    asked: list[tuple[float, str]] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "api_keys" not in statement:  # now and then all keys are looked up again, with one statement too
            asked.append((time.monotonic(), statement))

    with ExitStack() as streams:
        listening = [
            streams.enter_context(following(place(door, job), member.headers)) for job in jobs for _ in range(4)
        ]
        assert {next(stream).kind for stream in listening} == {"job.created"}
        event.listen(engine(), "before_cursor_execute", note)
        streams.callback(event.remove, engine(), "before_cursor_execute", note)
        wait_for(lambda: len(asked) >= 5, "a few ticks have gone by")
        ticks = asked[:5]
        assert all("unnest" in statement for _, statement in ticks)
        # Two hundred who ask for themselves would have asked five times in no time.
        assert ticks[-1][0] - ticks[0][0] > TICK_SECONDS
        lifecycle.cancel(member.caller, jobs[7].id)
        assert [[event.kind for event in stream] for stream in listening[28:32]] == [["job.cancelled"]] * 4


def test_streams_end_well_and_at_once_when_the_door_is_closed(
    bucket: str, database: dict[str, str], member: Member, job: Job, tmp_path: Path
) -> None:
    with house(database, tmp_path, member.key) as built:
        built.open_door()
        with following(place(built.url, job), member.headers) as stream:
            assert next(stream).kind == "job.created"
            built.dismiss("door")
            assert list(stream) == []
        assert "Cancel" not in built.log("door").read_text(), "it waited five seconds for an answer that did not end"
