"""Promises about money and limits, put to the test on histories that the house itself would not have written."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from jobs import accounts, history, ledger, lifecycle, retention
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.history import Finding
from jobs.lifecycle import Claim
from jobs.rules.money import Kind
from jobs.tables import Account, Job
from tests import factories
from tests.conftest import forget_settings
from tests.past import age, archived, execute, let_go

PRICE_USD = Decimal("0.15")


@pytest.fixture(autouse=True)
def _priced(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_ENGINES", "gpu,preview")
    forget_settings()


@pytest.fixture
def payer(caller: Caller) -> Caller:
    """A prepaid account that had a dollar, and limits that it keeps."""
    with transaction() as session:
        account = session.get_one(Account, caller.account_id)
        account.is_prepaid = True
        account.running_max, account.waiting_max, account.submits_per_minute = 2, 4, 10
        ledger.top_up(session, caller.account_id, Decimal(1), "to begin with")
        terms = accounts.terms_of(account)
    return Caller(caller.account_id, caller.account, caller.key_id, caller.scopes, terms)


@pytest.fixture
def jobs(payer: Caller) -> dict[str, Job]:
    """One priced job of every end, one that runs and one that waits."""
    ends = ("completed", "failed", "cancelled", "running", "waiting")
    ordered = {end: factories.submit(payer, engine="gpu") for end in ends[:3]}
    claim = claimed()
    lifecycle.finish(claim, factories.output(claim))
    lifecycle.stumble(claimed(), EngineError("out of luck", permanent=True))
    lifecycle.cancel(payer, ordered["cancelled"].id)
    ordered |= {end: factories.submit(payer, engine="gpu") for end in ends[3:]}
    claimed()
    return ordered


def claimed() -> Claim:
    claim = lifecycle.claim("worker-1", "gpu")
    assert claim is not None
    return claim


def finding(invariant: str) -> Finding:
    return next(found for found in history.check() if found.invariant == invariant)


def broken(invariant: str) -> tuple[str, ...]:
    return finding(invariant).broken


def enter(job: Job, kind: str, amount_usd: Decimal) -> None:
    """Write an entry and what it does to the tally, as the house does, but for no reason."""
    with transaction() as session:
        ledger._move(session, session.get_one(Job, job.id), Kind(kind), amount_usd)


def test_what_the_house_itself_does_with_money_and_limits_holds(jobs: dict[str, Job]) -> None:
    found = {one.invariant: (one.verdict, one.subjects) for one in history.check()}
    entries = 1 + 5 + 3  # a top-up, five holds, a capture and two releases
    assert found["I6"] == ("holds", entries)
    assert found["I8"] == ("holds", 5)
    assert "broken" not in {verdict for verdict, _ in found.values()}


def test_it_still_holds_when_the_finished_ones_are_archived(jobs: dict[str, Job]) -> None:
    before = (finding("I6"), finding("I8"))
    age(days=8)
    assert retention.archive(let_go()) == 3
    assert (finding("I6"), finding("I8")) == before


@pytest.mark.parametrize("column", ["available_usd", "held_usd"])
def test_a_tally_that_is_not_the_sum_of_its_entries_is_found(payer: Caller, jobs: dict[str, Job], column: str) -> None:
    execute(f"UPDATE tallies SET {column} = {column} + 0.000001")  # noqa: S608 - one of the two above
    assert broken("I6") == (payer.account_id.hex,)


def test_a_tally_without_entries_and_entries_without_a_tally_are_found(payer: Caller, jobs: dict[str, Job]) -> None:
    execute("DELETE FROM tallies")
    assert broken("I6") == (payer.account_id.hex,)


@pytest.mark.parametrize(
    ("end", "harm"),
    [
        ("waiting", "UPDATE jobs SET held_usd = 0"),
        ("running", "UPDATE jobs SET held_usd = 0.3"),
        ("failed", "UPDATE jobs SET held_usd = 0.15"),
        ("completed", "UPDATE jobs SET price_usd = 0.3"),
        ("failed", "UPDATE jobs SET price_usd = 0.15"),
        ("waiting", "UPDATE jobs SET engine = 'preview'"),
        ("completed", "UPDATE jobs SET engine = 'preview'"),
    ],
)
def test_a_job_that_says_something_else_of_its_money_than_its_entries_is_found(
    jobs: dict[str, Job], end: str, harm: str
) -> None:
    execute(f"{harm} WHERE id = :job", job=jobs[end].id)
    assert (finding("I6").verdict, broken("I6")) == ("broken", (jobs[end].id.hex,))


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_job_that_is_charged_for_nothing_is_found(jobs: dict[str, Job], end: str) -> None:
    enter(jobs[end], "hold", PRICE_USD)
    enter(jobs[end], "capture", PRICE_USD)
    assert broken("I6") == (jobs[end].id.hex,)


def test_a_job_that_is_charged_twice_is_found(jobs: dict[str, Job]) -> None:
    job = jobs["completed"]
    enter(job, "hold", PRICE_USD)
    enter(job, "capture", PRICE_USD)
    assert broken("I6") == (job.id.hex,)
    execute("UPDATE jobs SET price_usd = 0.30 WHERE id = :job", job=job.id)
    assert broken("I6") == (job.id.hex,)


def test_money_held_for_a_job_that_has_ended_is_found_in_the_archive_too(jobs: dict[str, Job]) -> None:
    age(days=8)
    retention.archive(let_go())
    execute("DELETE FROM ledger_entries WHERE job_id = :job AND kind = 'release'", job=jobs["failed"].id)
    execute("UPDATE tallies SET available_usd = available_usd - 0.15, held_usd = held_usd + 0.15")
    assert jobs["failed"].id in archived()
    assert broken("I6") == (jobs["failed"].id.hex,)


def test_an_entry_must_name_a_job_of_its_account(jobs: dict[str, Job], other_caller: Caller) -> None:
    job = jobs["cancelled"]
    execute("UPDATE jobs SET account_id = :other WHERE id = :job", other=other_caller.account_id, job=job.id)
    assert broken("I6") == (job.id.hex,)


def test_a_prepaid_account_that_spent_more_than_it_had_is_found(payer: Caller, jobs: dict[str, Job]) -> None:
    left_usd, job = available_usd(payer), jobs["waiting"]
    hold_more(job, left_usd)
    assert finding("I6").verdict == "holds"
    hold_more(job, Decimal("0.000001"))
    assert broken("I6") == (job.id.hex,)
    execute("UPDATE accounts SET is_prepaid = false")
    assert finding("I6").verdict == "holds"


def test_what_an_operator_takes_away_or_an_unlimited_account_spent_is_no_overspending(
    payer: Caller, jobs: dict[str, Job], other_caller: Caller
) -> None:
    factories.submit(other_caller, engine="gpu")
    with transaction() as session:
        ledger.adjust(session, payer.account_id, Decimal(-5), "paid back")
        ledger.top_up(session, other_caller.account_id, Decimal(1), "prepaid from now on")
    execute("UPDATE accounts SET is_prepaid = true")
    assert available_usd(payer) < 0
    assert finding("I6").verdict == "holds"


def test_more_jobs_at_once_than_the_account_may_are_found(payer: Caller, jobs: dict[str, Job]) -> None:
    assert claimed().job_id == jobs["waiting"].id
    assert finding("I8").verdict == "holds"
    execute("UPDATE accounts SET running_max = 1")
    assert broken("I8") == (jobs["waiting"].id.hex,)


def test_one_that_begins_when_another_has_let_go_is_not_at_once(payer: Caller, jobs: dict[str, Job]) -> None:
    execute("UPDATE accounts SET running_max = 1")
    with transaction() as session:
        claim = session.scalars(select(Job).where(Job.status == "running")).one()
    lifecycle.cancel(payer, claim.id)
    execute("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE status = 'running'")
    assert lifecycle.rescue() == 1
    claimed()
    assert finding("I8").verdict == "holds"


def test_more_jobs_waiting_than_the_account_may_have_are_found(payer: Caller, jobs: dict[str, Job]) -> None:
    lifecycle.stumble(claimed(), EngineError("again", permanent=False))
    execute("UPDATE accounts SET waiting_max = 3")  # three waited, at first
    assert finding("I8").verdict == "holds"
    execute("UPDATE accounts SET waiting_max = 2")
    assert broken("I8") == (jobs["cancelled"].id.hex,)


def test_more_submits_in_a_minute_than_the_account_may_are_found_wherever_the_minute_begins(
    jobs: dict[str, Job],
) -> None:
    execute("UPDATE accounts SET submits_per_minute = 4")
    assert broken("I8") == (jobs["waiting"].id.hex,)
    for table, column in (("events", "at"), ("jobs", "created_at")):
        whose = "job_id" if table == "events" else "id"
        execute(
            f"UPDATE {table} SET {column} = {column} - interval '61 s' WHERE {whose} = :first",  # noqa: S608 - of the two above
            first=jobs["completed"].id,
        )
    assert finding("I8").verdict == "holds"


def test_an_order_that_waited_long_for_its_turn_is_given_the_benefit_of_the_doubt(jobs: dict[str, Job]) -> None:
    execute("UPDATE accounts SET submits_per_minute = 4")
    execute("UPDATE jobs SET created_at = created_at - interval '61 s' WHERE id = :first", first=jobs["completed"].id)
    assert finding("I8").verdict == "holds"


def test_accounts_without_limits_put_no_limit_to_the_test(caller: Caller) -> None:
    factories.submit(caller)
    assert finding("I8").verdict == "no subject"


def hold_more(job: Job, amount_usd: Decimal) -> None:
    enter(job, "hold", amount_usd)
    execute("UPDATE jobs SET held_usd = held_usd + :more WHERE id = :job", more=amount_usd, job=job.id)


def available_usd(caller: Caller) -> Decimal:
    with transaction() as session:
        return ledger.balance(session, caller.account_id).available_usd
