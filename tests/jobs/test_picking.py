"""Promises about which jobs of all accounts are meant: every filter, pages to the end, and how far was looked."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest

from jobs import clock, lifecycle, picking
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.picking import Found, Pick
from jobs.tables import Job
from tests import factories
from tests.past import completed, execute


def page(pick: Pick, before: uuid.UUID | None = None, limit: int = 50, most: int = 5000) -> Found:
    with transaction() as session:
        return picking.page(session, pick, before=before, limit=limit, most=most)


def ids_of(pick: Pick) -> list[uuid.UUID]:
    found = page(pick)
    with transaction() as session:
        assert picking.count(session, pick, 1000) == len(found.jobs)
    return [job.id for job, _ in found.jobs]


@pytest.fixture
def history(caller: Caller, other_caller: Caller) -> dict[str, Job]:
    """One of each kind, and how it is called here."""
    made = {"done": completed(caller, tags=["summer", 'a "quoted" tag'])}
    made["failed"] = factories.submit(caller, inputs={"prompt": 'She says "hello" to 100% of us'})
    lifecycle.stumble(factories.claim(), EngineError("out of steam", permanent=True))
    made["cancelled"] = factories.submit(other_caller)
    lifecycle.cancel(other_caller, made["cancelled"].id)
    made["running"] = factories.submit(caller)
    factories.claim()
    made["waiting"] = factories.submit(other_caller, tags=["summer"])
    return made


FITTING: list[tuple[Pick, list[str]]] = [
    (Pick(), ["waiting", "running", "cancelled", "failed", "done"]),
    (Pick(states=("waiting",)), ["waiting"]),
    (Pick(states=("failed", "cancelled")), ["cancelled", "failed"]),
    (Pick(states=("completed", "running")), ["running", "done"]),
    (Pick(states=("elsewhere",)), []),
    (Pick(account="stranger"), ["waiting", "cancelled"]),
    (Pick(account="nobody"), []),
    (Pick(account="stranger", states=("waiting",)), ["waiting"]),
    (Pick(tag="summer"), ["waiting", "done"]),
    (Pick(engine="gpu"), []),
    (Pick(model=factories.MULTI, states=("failed",)), ["failed"]),
    (Pick(error_class="engine"), ["failed"]),
    (Pick(text="OUT OF steam"), ["failed"]),
    (Pick(text='"hello" to 100%'), ["failed"]),
    (Pick(text="100_ of"), []),
    (Pick(text="summer"), ["waiting", "done"]),
    (Pick(text="'; DROP TABLE jobs; --"), []),
    (Pick(batch="no id at all"), []),
]


def test_every_filter_finds_what_fits_newest_first(history: dict[str, Job]) -> None:
    for pick, names in FITTING:
        assert ids_of(pick) == [history[name].id for name in names], pick
        assert Pick.of_json(pick.as_json()) == pick


def test_a_job_is_found_by_its_id_and_by_its_beginning(history: dict[str, Job]) -> None:
    wanted = history["failed"].id
    assert ids_of(Pick(text=wanted.hex)) == [wanted]
    assert ids_of(Pick(text=str(wanted).upper())) == [wanted]
    assert wanted in ids_of(Pick(text=wanted.hex[:10]))
    assert ids_of(Pick(text="f" * 12)) == []


def test_a_time_is_kept_to(history: dict[str, Job]) -> None:
    now = clock.now()
    assert len(ids_of(Pick(after=now - timedelta(hours=1), until=now + timedelta(hours=1)))) == len(history)
    assert ids_of(Pick(after=now + timedelta(hours=1))) == ids_of(Pick(until=now - timedelta(hours=1))) == []
    kept = Pick(after=now, until=now)
    assert Pick.of_json(kept.as_json()) == kept


def test_pages_go_on_to_the_last_job(history: dict[str, Job]) -> None:
    def pages() -> Iterator[uuid.UUID]:
        found = page(Pick(), limit=2)
        while True:
            yield from (job.id for job, _ in found.jobs)
            if found.next_before is None:
                return
            found = page(Pick(), found.next_before, limit=2)

    assert list(pages()) == sorted((job.id for job in history.values()), reverse=True)


def test_a_search_that_has_looked_at_enough_says_where_to_go_on(history: dict[str, Job]) -> None:
    wanted = Pick(text="out of steam")
    first = page(wanted, most=2)
    assert (first.jobs, first.looked_at, first.next_before) == ([], 2, history["running"].id)
    then = page(wanted, first.next_before, most=2)
    assert [job.id for job, _ in then.jobs] == [history["failed"].id]


def test_who_a_job_belongs_to_is_told_with_it(history: dict[str, Job]) -> None:
    assert [name for _, name in page(Pick(states=("running", "waiting"))).jobs] == ["stranger", "acme"]
    assert execute("SELECT FROM jobs WHERE status = 'running'")
