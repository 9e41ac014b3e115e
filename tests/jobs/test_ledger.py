"""What money does along a job's life."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select, text, update

from jobs import accounts, database, ledger, lifecycle, listing, submission, webhooks
from jobs.accounts import Caller
from jobs.errors import CannotPay, EngineError, NoCredit
from jobs.ledger import Balance
from jobs.lifecycle import Claim
from jobs.rules import money
from jobs.rules.money import Kind
from jobs.tables import Account, Delivery, Job, LedgerEntry, Tally
from tests import factories
from tests.conftest import Member, forget_settings
from workers.chores import settle


@pytest.fixture
def payer(member: Member, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """A prepaid account with one dollar, whose jobs are rendered for money."""
    monkeypatch.setenv("DUOLOGUE_ENGINES", "gpu")
    forget_settings()
    with database.transaction() as session:
        session.execute(update(Account).values(is_prepaid=True))
        ledger.top_up(session, member.caller.account_id, Decimal(1), "to begin with")
    return by_todays_terms(member.caller)


def balance(caller: Caller) -> tuple[Decimal, Decimal]:
    """What is available and what is held; the entries say the same."""
    with database.transaction() as session:
        found = ledger.balance(session, caller.account_id)
        entries = session.scalars(select(LedgerEntry).where(LedgerEntry.account_id == caller.account_id)).all()
    effects = [money.effect_usd(Kind(entry.kind), entry.amount_usd) for entry in entries]
    assert found.available_usd == sum(available for available, _ in effects)
    assert found.held_usd == sum(held for _, held in effects)
    return found.available_usd, found.held_usd


def entries(job: Job) -> list[tuple[str, Decimal]]:
    with database.transaction() as session:
        found = session.scalars(select(LedgerEntry).where(LedgerEntry.job_id == job.id).order_by(LedgerEntry.id))
        return [(entry.kind, entry.amount_usd) for entry in found]


def by_todays_terms(caller: Caller) -> Caller:
    with database.transaction() as session:
        terms = accounts.terms_of(session.get_one(Account, caller.account_id))
    return Caller(caller.account_id, caller.account, caller.key_id, caller.scopes, terms)


def claim() -> Claim:
    found = lifecycle.claim("worker-1", "gpu")
    assert found is not None
    return found


def media(left: float, right: float) -> dict[str, dict[str, object]]:
    return {"left_audio": {"seconds": left}, "right_audio": {"seconds": right}}


def test_the_least_is_held_while_nothing_is_known_of_the_voices(payer: Caller) -> None:
    job = factories.submit(payer)
    assert (job.price_usd, job.held_usd) == (Decimal("0.15"), Decimal("0.15"))
    assert balance(payer) == (Decimal("0.85"), Decimal("0.15"))
    assert entries(job) == [("hold", Decimal("0.15"))]


def test_what_is_declared_of_the_voices_is_held(payer: Caller) -> None:
    job = factories.submit(payer, voice_seconds=12.5, inputs={"order": "left_right"})
    assert job.held_usd == Decimal("0.78")  # 13 + 13 seconds


def test_a_completed_job_is_paid_for_once(payer: Caller) -> None:
    job = factories.submit(payer)
    taken = claim()
    lifecycle.keep_media(taken, media(14.2, 20))
    assert balance(payer) == (Decimal("0.4"), Decimal("0.6"))
    lifecycle.finish(taken, factories.output(taken))
    assert balance(payer) == (Decimal("0.4"), Decimal(0))
    assert entries(job) == [("hold", Decimal("0.15")), ("hold", Decimal("0.45")), ("capture", Decimal("0.6"))]
    found = listing.job(payer, job.id)
    assert (found.price_usd, found.held_usd) == (Decimal("0.6"), Decimal(0))


def test_what_was_held_too_much_comes_back_after_intake(payer: Caller) -> None:
    job = factories.submit(payer, voice_seconds=30)
    lifecycle.keep_media(claim(), media(6, 1))
    assert balance(payer) == (Decimal("0.82"), Decimal("0.18"))
    assert entries(job) == [("hold", Decimal("0.9")), ("release", Decimal("0.72"))]


def test_a_failed_job_is_free(payer: Caller) -> None:
    job = factories.submit(payer)
    lifecycle.stumble(claim(), EngineError("went wrong", permanent=True))
    assert balance(payer) == (Decimal(1), Decimal(0))
    assert entries(job) == [("hold", Decimal("0.15")), ("release", Decimal("0.15"))]
    assert listing.job(payer, job.id).price_usd == 0


def test_a_stumble_keeps_what_is_held(payer: Caller) -> None:
    factories.submit(payer)
    lifecycle.stumble(claim(), EngineError("went wrong", permanent=False))
    assert balance(payer) == (Decimal("0.85"), Decimal("0.15"))


def test_a_cancelled_job_releases_its_hold(payer: Caller) -> None:
    job = factories.submit(payer)
    lifecycle.cancel(payer, job.id)
    lifecycle.cancel(payer, job.id)
    assert balance(payer) == (Decimal(1), Decimal(0))


def test_a_running_job_holds_its_money_until_its_cancel_is_confirmed(payer: Caller) -> None:
    job = factories.submit(payer)
    taken = claim()
    lifecycle.cancel(payer, job.id)
    assert balance(payer) == (Decimal("0.85"), Decimal("0.15"))
    lifecycle.confirm_cancel(taken)
    assert balance(payer) == (Decimal(1), Decimal(0))


def test_no_order_is_taken_that_cannot_be_paid(payer: Caller) -> None:
    with pytest.raises(NoCredit, match="the account has 1 USD"):
        factories.submit(payer, voice_seconds=40)
    assert balance(payer) == (Decimal(1), Decimal(0))
    assert listing.jobs(payer, listing.Filter()) == []


def test_media_longer_than_can_be_paid_fail_the_job_and_cost_nothing(payer: Caller) -> None:
    job = factories.submit(payer)
    taken = claim()
    with pytest.raises(CannotPay, match=r"costs 1\.05 USD and the account has 0\.85 USD") as told:
        lifecycle.keep_media(taken, media(40, 1))
    lifecycle.stumble(taken, told.value)
    found = listing.job(payer, job.id)
    assert (found.status, found.error_class, found.error_code) == ("failed", "no_credit", 1405)
    assert balance(payer) == (Decimal(1), Decimal(0))


def test_what_an_older_version_ended_is_settled_by_the_chore(payer: Caller) -> None:
    completed, failed = factories.submit(payer), factories.submit(payer)
    with database.transaction() as session:
        ended = update(Job).values(finished_at=func.now())
        session.execute(ended.where(Job.id == completed.id).values(status="completed"))
        session.execute(ended.where(Job.id == failed.id).values(status="failed"))
    assert settle.run_once() == 2
    assert settle.run_once() == 0
    assert balance(payer) == (Decimal("0.85"), Decimal(0))
    assert [kind for kind, _ in entries(completed) + entries(failed)] == ["hold", "capture", "hold", "release"]


def test_a_preview_costs_nothing(member: Member) -> None:
    with database.transaction() as session:
        session.execute(update(Account).values(is_prepaid=True))
    job = factories.submit(by_todays_terms(member.caller), voice_seconds=600)
    assert job.price_usd == 0
    taken = factories.claim()
    lifecycle.keep_media(taken, media(40, 1))
    lifecycle.finish(taken, factories.output(taken))
    assert entries(job) == []


def test_an_unlimited_account_may_owe(payer: Caller) -> None:
    with database.transaction() as session:
        session.execute(update(Account).values(is_prepaid=False))
    factories.submit(by_todays_terms(payer), voice_seconds=60)
    assert balance(payer) == (Decimal("-0.8"), Decimal("1.8"))


def test_a_budget_counts_what_the_months_jobs_cost_in_the_end(payer: Caller) -> None:
    with database.transaction() as session:
        session.execute(update(Account).values(budget_hard_usd=Decimal("0.3")))
    budgeted = by_todays_terms(payer)
    first = factories.submit(budgeted)
    factories.submit(budgeted)
    with pytest.raises(NoCredit, match=r"0\.3 USD of this month's budget of 0\.3 USD are used"):
        factories.submit(budgeted)
    lifecycle.cancel(budgeted, first.id)
    factories.submit(budgeted)
    with database.transaction() as session:
        assert ledger.balance(session, payer.account_id) == Balance(Decimal("0.7"), Decimal("0.3"), Decimal("0.3"))


def test_a_budget_that_is_used_up_refuses_longer_media(payer: Caller) -> None:
    with database.transaction() as session:
        session.execute(update(Account).values(budget_hard_usd=Decimal("0.3")))
    factories.submit(by_todays_terms(payer))
    taken = claim()
    with pytest.raises(CannotPay, match=r"0\.15 USD of this month's budget of 0\.3 USD are used"):
        lifecycle.keep_media(taken, media(11, 1))
    lifecycle.keep_media(taken, media(10, 1))


def test_what_media_turn_out_to_cost_counts_for_the_month_in_which_that_is_known(payer: Caller) -> None:
    for _ in range(3):
        factories.submit(payer)
    a_month_passes()
    with database.transaction() as session:
        session.execute(update(Account).values(budget_hard_usd=Decimal("0.4")))

    taken = [claim() for _ in range(3)]
    lifecycle.keep_media(taken[0], media(10, 1))
    lifecycle.keep_media(taken[1], media(10, 1))
    with pytest.raises(CannotPay, match=r"0\.3 USD of this month's budget of 0\.4 USD are used"):
        lifecycle.keep_media(taken[2], media(10, 1))
    for one in taken[1:]:
        lifecycle.stumble(one, EngineError("no", permanent=True))

    with database.transaction() as session:
        # What was held last month for those that failed is given back, but not to this one.
        assert ledger.balance(session, payer.account_id) == Balance(Decimal("0.7"), Decimal("0.3"), Decimal("0.15"))


def test_a_soft_budget_that_longer_media_reach_is_told_once(payer: Caller) -> None:
    webhooks.register(payer, url="https://x.example/hook", kinds=["budget.reached"])
    with database.transaction() as session:
        session.execute(update(Account).values(budget_soft_usd=Decimal("0.4")))
    for _ in range(3):
        factories.submit(by_todays_terms(payer), voice_seconds=1)
    for _ in range(3):
        lifecycle.keep_media(claim(), media(10, 1))

    with database.transaction() as session:
        [told] = session.scalars(select(Delivery).where(Delivery.kind == "budget.reached"))
    assert (told.detail["budget_usd"], told.detail["spent_usd"]) == (0.4, 0.45)


def a_month_passes() -> None:
    """All that was done so far was done last month."""
    ago = text("interval '1 month'")
    with database.transaction() as session:
        session.execute(update(Tally).values(month=func.date_trunc("month", func.now() - ago)))
        session.execute(update(LedgerEntry).values(at=func.date_trunc("month", LedgerEntry.at) - ago))


def test_a_rerun_holds_what_its_media_cost(payer: Caller) -> None:
    job = factories.submit(payer)
    taken = claim()
    lifecycle.keep_media(taken, media(10, 1))
    lifecycle.finish(taken, factories.output(taken))
    again, _ = submission.rerun(payer, job.id)
    assert again.held_usd == Decimal("0.3")
