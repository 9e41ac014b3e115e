import uuid

import pytest
from sqlalchemy import event

from jobs import ids, lifecycle, listing
from jobs.accounts import Caller
from jobs.database import engine
from jobs.rules.states import State
from tests import factories


def test_each_job_is_seen_from_where_it_was_last_seen(caller: Caller) -> None:
    first, second, third = (factories.submit(caller) for _ in range(3))
    claim = factories.claim()
    lifecycle.renew(claim, "rendering", 0.5)
    lifecycle.cancel(caller, second.id)
    created = {job.id: listing.timeline(job)[0].id for job in (first, second)}
    found = listing.glimpses({first.id: created[first.id], second.id: 0, third.id: 2**62})
    assert (found[first.id].status, found[first.id].stage, found[first.id].progress) == (
        State.RUNNING,
        "rendering",
        0.5,
    )
    assert kinds(found[first.id]) == ["job.claimed"]
    assert kinds(found[second.id]) == ["job.created", "job.cancelled"]
    assert (found[third.id].status, kinds(found[third.id])) == (State.WAITING, [])


@pytest.mark.usefixtures("database")
def test_a_job_that_is_not_there_is_left_out() -> None:
    assert listing.glimpses({ids.new_id(): 0}) == {}


def test_however_many_are_asked_for_it_is_one_statement(caller: Caller) -> None:
    jobs = dict.fromkeys([factories.submit(caller).id for _ in range(20)] + [uuid.uuid4()], 0)
    asked: list[object] = []

    def note(*what: object) -> None:
        asked.append(what)

    event.listen(engine(), "before_cursor_execute", note)
    assert len(listing.glimpses(jobs)) == 20
    event.remove(engine(), "before_cursor_execute", note)
    assert len(asked) == 1


def kinds(glimpse: listing.Glimpse) -> list[str]:
    return [happening.kind for happening in glimpse.happened]
