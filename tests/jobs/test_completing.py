"""Promises about ends that are written together: each job's own, exact, and nobody pays for a neighbour."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from jobs import history, lifecycle, listing
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import LeaseLost, Unavailable
from jobs.lifecycle import Claim, completing
from jobs.lifecycle.completing import End
from jobs.tables import Tally
from tests import factories, paying
from tests.conftest import Member


@pytest.fixture(autouse=True)
def _has_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def end(claim: Claim, stages: Mapping[str, float] | None = None) -> End:
    return End(claim, asdict(factories.output(claim)), ("one",), 1200, stages or {"render": 1.2})


def money(caller: Caller) -> tuple[Decimal, Decimal]:
    with transaction() as session:
        tally = session.get_one(Tally, caller.account_id)
        return tally.available_usd, tally.held_usd


def test_ends_of_several_accounts_are_written_together_each_with_its_money(member: Member, stranger: Member) -> None:
    for one in (member, stranger):
        paying.top_up(one.caller, 100)
    jobs = [paying.ordered(one.caller) for one in (member, stranger, member)]
    claims = [paying.taken() for _ in jobs]
    assert completing.complete_all([end(claim) for claim in claims]) == [None, None, None]
    for job, owner in zip(jobs, (member, stranger, member), strict=True):
        found = listing.job(owner.caller, job.id)
        assert (found.status, found.warnings, found.inference_ms) == ("completed", ["one"], 1200)
        assert (found.price_usd, found.held_usd) == (paying.PRICE_USD, Decimal(0))
        [*_, last] = listing.timeline(found)
        assert (last.kind, last.detail["stages"]) == ("job.completed", {"render": 1.2})
    assert money(member.caller) == (100 - 2 * paying.PRICE_USD, Decimal(0))
    assert money(stranger.caller) == (100 - paying.PRICE_USD, Decimal(0))
    assert "broken" not in {finding.verdict for finding in history.check()}


def test_a_holder_of_old_and_the_one_who_holds_the_job_may_come_together(caller: Caller) -> None:
    factories.submit(caller, engine=factories.ENGINE)
    old = factories.claim()
    lifecycle.hand_back(old)
    new = factories.claim("worker-2")
    late, good = completing.complete_all([end(old), end(new)])
    assert isinstance(late, LeaseLost)
    assert good is None


def test_what_the_database_refuses_of_one_is_that_ones_error_alone(caller: Caller) -> None:
    jobs = [factories.submit(caller, engine=factories.ENGINE) for _ in range(3)]
    ends = [end(factories.claim()) for _ in jobs]
    ends[1] = replace(ends[1], warnings=("\x00",))
    first, refused, last = completing.complete_all(ends)
    assert (first, last) == (None, None)
    assert isinstance(refused, Exception)
    assert [listing.job(caller, job.id).status for job in jobs] == ["completed", "running", "completed"]


def test_somebody_who_keeps_an_account_keeps_no_others_jobs(member: Member, stranger: Member) -> None:
    paying.top_up(member.caller, 100)
    jobs = [paying.ordered(member.caller), factories.submit(stranger.caller, engine=factories.ENGINE)]
    ends = [end(paying.taken()), end(factories.claim())]
    with transaction() as frozen:
        frozen.execute(select(Tally).where(Tally.account_id == member.caller.account_id).with_for_update())
        kept, free = completing.complete_all(ends)
    assert isinstance(kept, Unavailable)
    assert free is None
    assert completing.complete_all(ends[:1]) == [None]
    assert [listing.job(one.caller, job.id).status for one, job in zip((member, stranger), jobs, strict=True)] == [
        "completed",
        "completed",
    ]
