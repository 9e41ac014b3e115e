"""Stories of webhooks through real processes: couriers and servers die, receivers hang, and everything owed arrives."""

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from jobs import accounts, schema, storage, webhooks
from jobs import database as ours
from jobs.accounts import Caller
from jobs.tables import Delivery, Try
from tests.cli.stack.neighbours import new_home
from tests.conftest import administer, forget_settings, of_database, set_settings
from tests.fakes.receiver import HANGING, WELL, Receiver
from tests.story import kin
from tests.story.ground import Ground, ground, is_reachable
from tests.story.house import House, house, wait_for
from tests.workers.couriers import completed, deliveries

pytestmark = pytest.mark.story

HOOKS = {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8", "DUOLOGUE_WEBHOOK_SECONDS": "2"}
JOBS = 60


@pytest.fixture(scope="module")
def harmed() -> Iterator[Ground]:
    """Servers of this page's own: nobody else is to meet them restarted."""
    with new_home() as home, ground(home / "harmed") as servers:
        yield servers


@pytest.fixture
def servers_of_its_own(harmed: Ground, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """Those servers, with a database of its own; the settings of this process lead to them."""
    name = f"test_{uuid.uuid4().hex}"
    administer(harmed.environment, f"CREATE DATABASE {name}")
    made = replace(harmed, environment=of_database(harmed.environment, name))
    set_settings(monkeypatch, {**made.environment, **HOOKS})
    ours.engine()
    schema.upgrade()
    storage.make_bucket()
    yield made
    forget_settings()


@pytest.fixture
def caller_there(servers_of_its_own: Ground) -> Caller:
    with ours.transaction() as session:
        _, key = accounts.create_key(session, name="tests", account="acme")
    with ours.transaction() as session:
        return accounts.identify(session, key)


@pytest.fixture
def built(servers_of_its_own: Ground, tmp_path: Path) -> Iterator[House]:
    with house({**servers_of_its_own.environment, **HOOKS}, tmp_path, "no key") as made:
        yield made


def arrived(receiver: Receiver) -> Counter[str]:
    return Counter(one.headers["webhook-id"] for one in list(receiver.received))


def all_are_delivered() -> bool:
    with ours.transaction() as session:
        return session.execute(select(func.count()).where(Delivery.status != "delivered")).scalar_one() == 0


def test_a_courier_that_is_killed_loses_nothing_and_repeats_no_id_as_another(
    built: House, caller_there: Caller
) -> None:
    with Receiver() as receiver:
        for _ in range(JOBS):
            completed(caller_there, webhook_url=receiver.url())
        for _ in range(3):
            before = len(receiver.received)
            built.set_clock()
            wait_for(lambda seen=before: len(receiver.received) > seen + 5, "some arrived")  # type: ignore[misc]
            built.kill("timetable")
        built.set_clock()
        wait_for(all_are_delivered, "all is delivered")
        found = arrived(receiver)
    assert set(found) == {one.job_id.hex for one in deliveries() if one.job_id}
    assert len(found) == JOBS


def test_postgres_and_the_broker_go_and_come_back_and_all_arrives(
    built: House, servers_of_its_own: Ground, caller_there: Caller
) -> None:
    with Receiver() as receiver:
        webhooks.register(caller_there, url=receiver.url("/endpoint"), kinds=["job.completed"])
        built.set_clock()
        with servers_of_its_own.gone("broker"):
            for _ in range(10):
                completed(caller_there, webhook_url=receiver.url())
            wait_for(all_are_delivered, "the broker is not needed")
        for _ in range(JOBS):
            completed(caller_there, webhook_url=receiver.url())
        servers_of_its_own.restart_database()
        wait_for(lambda: is_reachable() and all_are_delivered(), "all is delivered")
        paths = Counter(one.path for one in {one.headers["webhook-id"]: one for one in receiver.received}.values())
    assert paths == {"/hook": JOBS + 10, "/endpoint": JOBS + 10}


def test_a_frozen_courier_does_not_keep_what_it_holds(built: House, caller_there: Caller) -> None:
    with Receiver() as receiver:
        receiver.mood = HANGING
        for _ in range(5):
            completed(caller_there, webhook_url=receiver.url())
        built.set_clock()
        wait_for(lambda: bool(receiver.received), "one is on its way")
        with kin.frozen(kin.family(built.processes["timetable"].pid)):
            receiver.mood = WELL
            built.set_clock("another timetable")
            wait_for(all_are_delivered, "another delivers all of it")
    assert {one.status for one in deliveries()} == {"delivered"}


def test_the_courier_ends_in_time_and_hands_back_what_it_held(built: House, caller_there: Caller) -> None:
    with Receiver() as receiver:
        receiver.mood = HANGING
        job = completed(caller_there, webhook_url=receiver.url())
        built.set_clock()
        wait_for(lambda: bool(receiver.received), "it is on its way")
        assert built.dismiss("timetable") == 0
    [delivery] = deliveries()
    assert delivery.job_id == uuid.UUID(job.id.hex)
    assert (delivery.status, delivery.taken_until) == ("owed", None)
    with ours.transaction() as session:
        assert session.execute(select(func.count()).select_from(Try)).scalar_one() <= 1
