"""Promises about how engines are seen to stand, and about who gets an order by that."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from sqlalchemy import event

from jobs import database as ours
from jobs import dispatch, health, lifecycle, listing, presence
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.dispatch import facts
from jobs.rules.breaker import Phase
from jobs.rules.limits import Terms
from tests import factories, routed
from tests.past import execute

FREE = Decimal(0)


@pytest.fixture(autouse=True)
def _both(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)


def test_engines_stand_as_workers_jobs_and_measurements_say(caller: Caller) -> None:
    for _ in range(3):
        factories.submit(caller, engine="gpu")
    done, _ = factories.claim(engine="gpu"), factories.claim("machine:7", engine="gpu")
    lifecycle.finish(done, factories.output(done))
    execute("UPDATE jobs SET started_at = finished_at - interval '40 seconds' WHERE status = 'completed'")
    presence.beat("machine:7", ["gpu"], slots=2, version="0")
    presence.beat("machine:8", ["cloud", "preview"], slots=3, version="0")
    with transaction() as session:
        known = facts.read(session)
    gpu, cloud = known.standings["gpu"], known.standings["cloud"]
    assert (gpu.workers, gpu.slots, gpu.busy, gpu.waiting) == (1, 2, 1, 1)
    assert gpu.pace is not None
    assert gpu.pace.run_seconds == pytest.approx(40, abs=0.1)
    assert gpu.pace.realtime_factor == pytest.approx(10, abs=0.1)
    assert (cloud.workers, cloud.slots, cloud.per_minute, cloud.waiting, cloud.pace) == (1, 100, 60, 0, None)


def test_a_thousand_orders_ask_the_database_once(caller: Caller) -> None:
    routed.staff()
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(str(told[2]))

    dispatch.current()
    event.listen(ours.engine(), "before_cursor_execute", note)
    try:
        routes = [dispatch.choose(Terms(), "auto", FREE) for _ in range(1000)]
    finally:
        event.remove(ours.engine(), "before_cursor_execute", note)
    assert {route.engine for route in routes} == {"gpu", "cloud"}, "what was given away counts as waiting"
    assert len(asked) <= 20, "at most one question a second, on however slow a machine"


def test_many_who_ask_at_once_get_one_answer() -> None:
    dispatch.forget()
    with ThreadPoolExecutor(8) as threads:
        known = list(threads.map(lambda _: id(dispatch.current()), range(8)))
    assert len(set(known)) == 1


def test_an_order_overflows_into_the_cloud_and_its_job_says_why(caller: Caller) -> None:
    routed.staff()
    execute("INSERT INTO engines (name, paused_at, paused_because) VALUES ('gpu', now(), 'new drivers')")
    job = listing.job(caller, factories.submit(caller).id)
    assert (job.engine, job.engine_wanted) == ("cloud", "auto")
    assert job.engine_reason == "auto: cloud, where it begins at once, because gpu is paused: new drivers"
    assert factories.submit(caller, engine="gpu").engine == "gpu"


def test_a_budget_that_is_used_up_keeps_orders_off_the_cloud(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch, DUOLOGUE_CLOUD_BUDGET_USD="1")
    presence.beat("machine:8", ["cloud"], slots=3, version="0")
    with transaction() as session:
        health.count_spending(session)
    dispatch.forget()
    engines = [factories.submit(caller, voice_seconds=13).engine for _ in range(4)]  # 0.39 USD each
    assert engines == ["cloud", "cloud", "gpu", "gpu"]


def test_a_key_that_the_upstream_refuses_shuts_the_cloud(caller: Caller) -> None:
    routed.staff()
    execute("INSERT INTO upstream_keys (name) SELECT :name", name=routed.KEY_NAME)
    with transaction() as session:
        assert facts.read(session).standings["cloud"].phase is Phase.CLOSED
    execute("UPDATE upstream_keys SET closed_until = now() + interval '5 minutes'")
    with transaction() as session:
        assert facts.read(session).standings["cloud"].phase is Phase.OPEN
