"""Promises about one word over many jobs: all that matched and no more, carried to its end by whoever is there."""

import uuid

import pytest

from jobs import errands, ids, lifecycle, listing
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errands import Verb
from jobs.picking import Pick
from jobs.tables import Errand, Job
from tests import factories, paying
from tests.conftest import Member
from tests.past import completed, execute
from tests.workers.couriers import statuses
from workers.chores import run_errands

WAITING = Pick(states=("waiting",))


def taken(verb: Verb, pick: Pick, counted: int | None = None) -> Errand:
    with transaction() as session:
        found = errands.matching(session, pick)
        said = found if counted is None else counted
        return errands.take(session, verb, pick, "olga", counted=said, before=ids.new_id())


def read(errand: Errand) -> Errand:
    with transaction() as session:
        return errands.errand(session, errand.id)


def states() -> list[str]:
    return [row.status for row in execute("SELECT status FROM jobs ORDER BY id")]


def test_all_that_match_are_cancelled_whoever_owns_them_and_no_job_that_came_later(
    caller: Caller, other_caller: Caller
) -> None:
    factories.submit(caller)
    factories.submit(other_caller)
    errand = taken("cancel", WAITING)
    factories.submit(caller)
    assert run_errands.run_once() == 2
    assert states() == ["cancelled", "cancelled", "waiting"]
    found = read(errand)
    assert (found.done, found.refused, found.finished_at is not None) == (2, 0, True)
    assert run_errands.run_once() == 0


def test_no_more_jobs_are_touched_than_the_number_said(caller: Caller) -> None:
    for _ in range(3):
        factories.submit(caller)
    taken("cancel", WAITING, counted=2)
    assert run_errands.run_once() == 2
    assert states() == ["waiting", "cancelled", "cancelled"]


def test_what_ended_meanwhile_is_refused_and_stops_nothing(caller: Caller) -> None:
    factories.submit(caller)
    done = completed(caller)  # the first that was waiting
    factories.submit(caller)
    errand = taken("cancel", Pick(account=caller.account))
    run_errands.run_once()
    found = read(errand)
    assert (found.done, found.refused) == (2, 1)
    assert "completed already" in found.refusal
    assert sorted(states()) == ["cancelled", "cancelled", "completed"]
    assert done.status == "waiting"  # as it was when it was made


def test_many_chunks_are_shared_by_a_door_that_has_little_time_and_the_chore(caller: Caller) -> None:
    for _ in range(2 * errands.CHUNK + 1):
        factories.submit(caller)
    errand = taken("cancel", WAITING)
    turns = iter([True, False])
    assert errands.carry_on(errand.id, lambda: next(turns)) == errands.CHUNK
    assert read(errand).finished_at is None
    assert run_errands.run_once() == errands.CHUNK + 1
    assert (read(errand).done, set(states())) == (2 * errands.CHUNK + 1, {"cancelled"})


def test_nobody_carries_on_what_another_is_at(caller: Caller) -> None:
    factories.submit(caller)
    errand = taken("cancel", WAITING)
    execute("UPDATE errands SET lease_until = now() + interval '1 min'")
    assert run_errands.run_once() == 0
    execute("UPDATE errands SET lease_until = now() - interval '1 s'")  # whoever it was is dead
    assert run_errands.run_once() == 1
    assert read(errand).lease_until is None


def test_who_sleeps_through_the_lease_in_a_chunk_counts_nothing_and_no_job_is_left_out(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "CHUNK", 2)
    for _ in range(5):
        factories.submit(caller)
    errand = taken("cancel", WAITING)
    cancel, slept = lifecycle.cancel, list[int]()

    def sleep_once(owner: Caller, job_id: uuid.UUID) -> Job:
        if not slept:
            execute("UPDATE errands SET lease_until = now() - interval '1 s'")
            turns = iter([True, False])
            slept.append(0)
            slept.append(errands.carry_on(errand.id, lambda: next(turns)))
        return cancel(owner, job_id)

    monkeypatch.setattr(lifecycle, "cancel", sleep_once)
    errands.carry_on(errand.id)
    found = read(errand)
    assert (slept, found.done, found.refused, found.finished_at) == ([0, 2], 2, 0, None)
    assert run_errands.run_once() == 3
    assert (read(errand).done, set(states())) == (5, {"cancelled"})


def test_one_that_is_stopped_goes_no_further(caller: Caller) -> None:
    factories.submit(caller)
    errand = taken("cancel", WAITING)
    with transaction() as session:
        errands.stop(session, errand.id)
    assert (run_errands.run_once(), states()) == (0, ["waiting"])


def test_a_job_is_run_again_once_however_often_the_errand_is_cut_off(caller: Caller) -> None:
    old = factories.submit(caller)
    lifecycle.cancel(caller, old.id)
    errand = taken("rerun", Pick(states=("cancelled",)))
    execute("CREATE TABLE before AS SELECT * FROM errands")
    assert run_errands.run_once() == 1
    execute("DELETE FROM errands")  # as if whoever did it had died before it was written down
    execute("INSERT INTO errands SELECT * FROM before")
    assert run_errands.run_once() == 1
    [new] = execute("SELECT id, rerun_of FROM jobs WHERE status = 'waiting'")
    assert new.rerun_of == old.id
    assert listing.job(caller, new.id).tags == old.tags
    assert read(errand).done == 1


def test_jobs_are_run_again_however_few_their_account_may_order(member: Member) -> None:
    for _ in range(3):
        lifecycle.cancel(member.caller, factories.submit(member.caller).id)
    paying.change(member, {"submits_per_minute": 1, "waiting_max": 1})
    errand = taken("rerun", Pick(states=("cancelled",)))
    run_errands.run_once()
    assert (read(errand).done, read(errand).refused, states().count("waiting")) == (3, 0, 3)


def test_receivers_are_told_again(caller: Caller) -> None:
    completed(caller, webhook_url="https://hooks.example.com/")
    completed(caller)
    execute("UPDATE deliveries SET status = 'given_up', settled_at = now(), tries = 9")
    errand = taken("resend", Pick(states=("completed",)))
    assert run_errands.run_once() == 2
    assert (statuses(), read(errand).done) == (["owed"], 2)
