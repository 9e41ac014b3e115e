"""Promises about what the bill and the counts say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from jobs import billing, clock, lifecycle, retention
from jobs.accounts import Caller
from jobs.billing import EntryFilter, Used
from jobs.errors import EngineError, MediaError
from jobs.rules.money import Kind
from tests import past, paying
from tests.paying import FLOOR_USD, GPU_MS, PRICE_USD

A_DAY = timedelta(days=1)
NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _for_money(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)


def lately(caller: Caller, model: str | None = None) -> list[Used]:
    now = clock.now()
    return billing.usage(caller, now - A_DAY, now + A_DAY, model)


def billed_usd(caller: Caller) -> Decimal:
    """What was deducted, less what was refunded."""
    signs = {Kind.HOLD: 1, Kind.RELEASE: -1}
    lines = billing.entries(caller, EntryFilter(kinds=signs), limit=100)
    return sum((signs[Kind(line.entry.kind)] * line.entry.amount_usd for line in lines), Decimal(0))


def test_what_was_deducted_less_what_was_refunded_is_what_the_jobs_cost(caller: Caller) -> None:
    paying.paid(caller)
    paying.failed(caller, EngineError("broke", permanent=True))
    lifecycle.cancel(caller, paying.ordered(caller).id)
    assert billed_usd(caller) == PRICE_USD
    paying.ordered(caller)
    assert billed_usd(caller) == PRICE_USD + FLOOR_USD
    assert sum(used.cost_usd for used in lately(caller)) == billed_usd(caller)


def test_every_entry_names_its_key_and_how_its_job_stands(caller: Caller) -> None:
    job = paying.paid(caller)
    lines = billing.entries(caller, EntryFilter())
    assert [line.entry.kind for line in lines] == ["capture", "hold", "hold"]
    assert {(line.entry.job_id, line.key_name, line.job_status) for line in lines} == {(job.id, "tests", "completed")}


def test_the_ledger_is_read_in_pages_that_join_without_a_gap(caller: Caller) -> None:
    for amount in range(1, 6):
        paying.top_up(caller, amount)
    pages = [billing.entries(caller, EntryFilter(), skip=skip, limit=2) for skip in (0, 2, 4)]
    assert [line.entry.amount_usd for page in pages for line in page] == [5, 4, 3, 2, 1]
    after = billing.entries(caller, EntryFilter(), before_id=pages[0][-1].entry.id)
    assert [line.entry.amount_usd for line in after] == [3, 2, 1]
    oldest = billing.entries(caller, EntryFilter(), oldest_first=True, limit=1)
    assert [line.entry.amount_usd for line in oldest] == [1]


def test_an_archived_job_is_billed_and_counted_as_before(caller: Caller) -> None:
    job, other = paying.paid(caller), paying.failed(caller, MediaError("image", "is not a picture"))
    lines, used = billing.entries(caller, EntryFilter()), lately(caller)
    past.age(days=8)
    retention.archive(past.let_go())
    assert past.archived().keys() == {job.id, other.id}
    assert [line.job_status for line in billing.entries(caller, EntryFilter())] == [line.job_status for line in lines]
    assert lately(caller) == used


def test_a_job_its_owner_deleted_is_billed_by_its_id_alone_and_still_counted(caller: Caller) -> None:
    job = paying.paid(caller)
    used = lately(caller)
    retention.delete_jobs(caller, [job.id])
    for _ in range(2):  # in the table of jobs first, and then in the archive
        lines = billing.entries(caller, EntryFilter())
        assert {(line.entry.job_id, line.job_status) for line in lines} == {(job.id, None)}
        assert lately(caller) == used
        retention.archive(past.let_go())
    assert past.archived().keys() == {job.id}


def test_jobs_are_counted_by_day_model_engine_and_how_they_ended(caller: Caller) -> None:
    paying.paid(caller)
    paying.paid(caller)
    paying.failed(caller, EngineError("broke", permanent=True))
    past.completed(caller, engine="preview")
    [broken, completed, preview] = sorted(lately(caller), key=lambda used: (used.engine, used.error_class or "~"))
    assert (completed.engine, completed.status, completed.jobs) == ("gpu", "completed", 2)
    assert (completed.cost_usd, completed.inference_ms) == (2 * PRICE_USD, 2 * GPU_MS)
    assert (broken.engine, broken.status, broken.error_class, broken.cost_usd) == (
        "gpu",
        "failed",
        "engine",
        Decimal(0),
    )
    assert (preview.engine, preview.jobs, preview.cost_usd) == ("preview", 1, Decimal(0))


def test_a_job_counts_for_the_day_in_utc_on_which_it_was_submitted(caller: Caller) -> None:
    midnight = NOON.replace(hour=0)
    for moment in (midnight - timedelta(milliseconds=1), midnight, NOON, midnight + A_DAY):
        paying.antedate(paying.paid(caller), moment)
    found = billing.usage(caller, midnight - A_DAY, midnight + 2 * A_DAY)
    assert [(used.day.isoformat(), used.jobs) for used in found] == [
        ("2026-03-13", 1),
        ("2026-03-14", 2),
        ("2026-03-15", 1),
    ]


def test_both_ends_of_a_span_are_in_it(caller: Caller) -> None:
    paying.antedate(paying.paid(caller), NOON)
    assert [used.jobs for used in billing.usage(caller, NOON, NOON)] == [1]
    assert billing.usage(caller, NOON + timedelta(microseconds=1), NOON + A_DAY) == []
    assert len(billing.entries(caller, EntryFilter(since=NOON, until=NOON))) == 3
    assert billing.entries(caller, EntryFilter(until=NOON - timedelta(microseconds=1))) == []


def test_a_job_whose_door_had_another_clock_than_postgres_is_counted_all_the_same(caller: Caller) -> None:
    drawn_late = paying.antedate(paying.paid(caller), NOON + timedelta(hours=20))
    past.execute("UPDATE jobs SET created_at = :at WHERE id = :id", at=NOON, id=drawn_late)
    assert [used.jobs for used in billing.usage(caller, NOON, NOON)] == [1]


def test_anothers_jobs_and_money_are_neither_listed_nor_counted(caller: Caller, other_caller: Caller) -> None:
    job = paying.paid(caller)
    paying.top_up(caller, 5)
    assert billing.entries(other_caller, EntryFilter()) == []
    assert billing.entries(other_caller, EntryFilter(job_ids=[job.id])) == []
    assert lately(other_caller) == []
