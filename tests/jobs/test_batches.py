"""Promises about batches: all of their jobs are there at one moment, paid for and within limits, or none is."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from jobs import accounts, batches, history, ledger, lifecycle, listing, retention, webhooks
from jobs.accounts import Caller
from jobs.batches import BatchWish
from jobs.database import transaction
from jobs.errors import CannotPay, Conflict, EngineError, LeaseLost, WrongInput
from jobs.rules.states import State
from jobs.submission import Wish, submit
from tests import batching, factories, paying
from tests.batching import ASKED, TAKE_GOOD
from tests.conftest import Member
from tests.past import execute
from workers import batching as worker

pytestmark = pytest.mark.usefixtures("bucket")


def broken() -> list[str]:
    return [found.invariant for found in history.check() if found.verdict == "broken"]


def count_jobs() -> int:
    [[count]] = execute("SELECT count(*) FROM jobs")
    return int(count)


def test_each_line_becomes_the_job_that_its_order_alone_would_be(caller: Caller) -> None:
    options = {
        "priority": 7,
        "tags": ['a "b" \\c', "d,{e}"],
        "metadata": {"row": 'x\ty\n"z" \\', "n": [1, None]},
        "webhook": "https://x.example/a",
        "deadlines": {"run_seconds": 60},
    }
    inputs = factories.form(prompt="tab\there\nline \\ back \N{CLAPPER BOARD}", seed=5)
    seen = batching.read(caller, [factories.line("one", inputs=inputs, options=options)])
    [job] = batches.jobs_of(caller, seen.batch.id)
    wish = Wish(
        model=factories.MULTI,
        inputs=inputs,
        priority=7,
        tags=('a "b" \\c', "d,{e}"),
        metadata={"row": 'x\ty\n"z" \\', "n": [1, None]},
        webhook_url="https://x.example/a",
        run_seconds=60,
    )
    alone = submit(caller, wish)
    differing = {"id", "created_at", "due_at", "wait_until", "finish_until", "batch_id", "batch_line", "custom_id"}
    assert job.created_at - job.in_line_since > timedelta(hours=6, minutes=59)
    differing.add("in_line_since")  # begins with the reading
    for column in alone.__table__.columns:
        if column.name not in differing:
            name = "metadata_" if column.name == "metadata" else column.name
            assert getattr(job, name) == getattr(alone, name), name
    assert (job.batch_line, job.custom_id) == (1, "one")
    assert job.wait_until - job.created_at == alone.wait_until - alone.created_at
    assert job.finish_until - job.created_at == alone.finish_until - alone.created_at
    assert [event.kind for event in listing.timeline(job)] == ["job.created"]
    assert broken() == []


def test_media_inside_a_line_are_kept_until_they_are_needed(caller: Caller) -> None:
    seen = batching.read(caller, [factories.line(inputs=factories.form(left_audio="aGVsbG8="))])
    [job] = batches.jobs_of(caller, seen.batch.id)
    assert job.inputs["left_audio"] == "attachment:left_audio"
    assert lifecycle.sources(factories.claim())["left_audio"] == "aGVsbG8="


def test_a_batch_counts_its_jobs_as_they_stand_until_its_files_are_there(caller: Caller) -> None:
    seen = batching.read(caller, batching.lines(3), BatchWish(webhook_url="https://x.example/all", metadata={"a": 1}))
    assert (seen.batch.status, seen.batch.jobs, seen.states) == ("in_progress", 3, {"waiting": 3})
    batching.complete(1)
    lifecycle.stumble(factories.claim(), EngineError("it is broken", permanent=True))
    assert worker.close_all() == 0, "one is not final yet"
    assert batches.seen(caller, seen.batch.id).states == {"waiting": 1, "completed": 1, "failed": 1}
    batching.complete(1)
    assert worker.close_all() == 1
    batch = batches.seen(caller, seen.batch.id).batch
    assert (batch.status, batch.states) == ("completed", {"completed": 2, "failed": 1})
    results, errors = (batching.parsed(batching.file_of(batch, name)) for name in ("results.jsonl", "errors.jsonl"))
    assert [(one["custom_id"], one["response"]["body"]["status"]) for one in results] == [
        ("row-1", "completed"),
        ("row-3", "completed"),
    ]
    assert "X-Amz-Signature" in results[0]["response"]["body"]["output"]["link"]
    assert [(one["custom_id"], one["error"]["code"], one["error"]["message"]) for one in errors] == [
        ("row-2", "engine", "it is broken")
    ]
    heading, *rows = batching.file_of(batch, "manifest.csv").splitlines()
    assert heading.startswith("line,custom_id,job,status")
    assert [row.split(",")[:2] for row in rows] == [["1", "row-1"], ["2", "row-2"], ["3", "row-3"]]
    assert worker.close_all() == 0
    assert broken() == []


def test_the_end_of_a_batch_is_told_once_to_its_url_and_to_endpoints(caller: Caller) -> None:
    endpoint = webhooks.register(caller, url="https://y.example/hook", kinds=["batch.completed"])
    seen = batching.read(caller, batching.lines(1), BatchWish(webhook_url="https://x.example/all", metadata={"a": 1}))
    batching.complete(1)
    worker.close_all()
    told = execute("SELECT kind, url, endpoint_id, detail FROM deliveries ORDER BY url NULLS LAST")
    assert [(row.kind, row.url, row.endpoint_id) for row in told] == [
        ("batch.completed", "https://x.example/all", None),
        ("batch.completed", None, endpoint.id),
    ]
    for row in told:
        assert (row.detail["id"], row.detail["status"], row.detail["metadata"]) == (
            seen.batch.id.hex,
            "completed",
            {"a": 1},
        )
        assert row.detail["request_counts"]["completed"] == 1
        assert "X-Amz" not in json.dumps(row.detail)


def test_what_it_costs_is_held_at_once_and_limits_hold_for_all_of_it(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    paying.render_for_money(monkeypatch)
    prepaid = paying.change(member, {"is_prepaid": True, "submits_per_minute": 5, "waiting_max": 4})
    paying.top_up(prepaid.caller, 1)
    wish = BatchWish(options={"engine": "gpu", "duration_seconds": paying.SECONDS / 2})
    seen = batching.read(prepaid.caller, batching.lines(3), wish)  # 0.30 each
    assert (seen.batch.status, seen.batch.error) == ("in_progress", "")
    with transaction() as session:
        balance = ledger.balance(session, prepaid.caller.account_id)
    assert (balance.available_usd, balance.held_usd) == (Decimal("0.1"), Decimal("0.9"))
    free = BatchWish(options={"engine": "preview"})
    for count, reason in ((1, "top it up"), (2, "4 may"), (3, "5 jobs a minute")):
        refused = batching.read(prepaid.caller, batching.lines(count), wish if count == 1 else free).batch
        assert refused.status == "failed"
        assert reason in refused.error, count
    assert count_jobs() == 3
    assert broken() == []


def test_a_batch_over_its_budget_is_refused(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)
    wish = BatchWish(options={"engine": "gpu"}, budget_usd=Decimal("0.40"))
    assert batching.read(caller, batching.lines(2), wish).batch.status == "in_progress"
    over = batching.read(caller, batching.lines(3), wish).batch
    assert (over.status, count_jobs()) == ("failed", 2)
    assert "0.45 USD; the batch may cost 0.4 USD" in over.error


def test_a_budget_holds_for_what_media_turn_out_to_cost(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)
    wish = BatchWish(options={"engine": "gpu"}, budget_usd=Decimal("0.80"))
    seen = batching.read(caller, batching.lines(2), wish)
    first = paying.taken()  # 0.60 instead of 0.15
    with pytest.raises(CannotPay, match=r"its batch may cost 0\.8 USD"):
        paying.taken()
    lifecycle.finish(first, factories.output(first))
    assert sum(job.price_usd for job in batches.jobs_of(caller, seen.batch.id)) == Decimal("0.75")


def test_validating_only_prices_everything_and_runs_nothing(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    paying.render_for_money(monkeypatch)
    lines = [
        factories.line("declared", options={"duration_seconds": 10}),
        factories.line("undeclared"),
        factories.line("bad", model="nobody/knows"),
    ]
    wish = BatchWish(options={"engine": "gpu"}, is_validate_only=True)
    seen = batching.read(caller, lines, wish)
    assert (seen.batch.status, seen.batch.lines, seen.batch.bad, count_jobs()) == ("completed", 3, 1, 0)
    assert seen.batch.estimate == {"price_usd": {"least": 0.45, "most": 18.3}, "seconds": None}
    assert [(one["line"], one["custom_id"], one["field"]) for one in seen.batch.problems] == [(3, "bad", "model")]


def test_how_long_it_takes_is_estimated_from_what_was_measured(caller: Caller) -> None:
    factories.submit(caller)
    batching.complete(1)  # 4 s of video
    execute("UPDATE jobs SET started_at = finished_at - interval '8 s'")
    execute("INSERT INTO workers (name, engines, slots, version) VALUES ('w', '{preview}', 2, '1')")
    wish = BatchWish(options={"duration_seconds": 10}, is_validate_only=True)
    estimate = batching.read(caller, batching.lines(4), wish).batch.estimate
    assert estimate is not None
    assert estimate["seconds"] == {"least": 40.0, "most": 40.0}, "4 jobs of 10 s, twice as long as they last, 2 slots"


def test_a_voice_that_its_codec_makes_a_little_too_long_is_taken_as_a_job_of_its_own_would_be(
    caller: Caller, tmp_path: Path
) -> None:
    batches.create_from_array(caller, ASKED, batching.lines(1))
    batch = batches.take_unread(is_probing=False)
    assert batch is not None
    (tmp_path / "lines").write_text(json.dumps(factories.line()))

    def measure(*_: object) -> dict[str, float]:
        return {"left_audio": 600.2, "right_audio": 3.0}

    sheet = batches.read_file(batch, caller, tmp_path / "lines", tmp_path, lambda _: None, measure=measure)
    assert (sheet.jobs, sheet.problems) == (1, [])


def test_a_batch_is_opened_once_whoever_reads_it(caller: Caller, tmp_path: Path) -> None:
    batches.create_from_array(caller, ASKED, batching.lines(5))
    slow = batches.take_unread(is_probing=False)
    assert slow is not None
    assert batches.take_unread(is_probing=False) is None, "somebody reads it"
    execute("UPDATE batches SET lease_until = now() - interval '1 s'")  # it fell silent
    assert worker.read_all() == 1
    with pytest.raises(LeaseLost):
        batches.renew(slow, 3)
    (tmp_path / "lines").write_text("\n".join(json.dumps(line) for line in batching.lines(5)))
    sheet = batches.read_file(slow, caller, tmp_path / "lines", tmp_path, lambda _: None)
    with pytest.raises(LeaseLost):
        batches.settle(slow, caller, sheet)
    assert count_jobs() == 5
    assert broken() == []


def test_who_is_killed_before_the_commit_leaves_nothing(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    batches.create_from_array(caller, ASKED, batching.lines(5))

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("jobs.batches.opening._note", die)
        with pytest.raises(Killed):
            worker.read_all()
    assert (count_jobs(), execute("SELECT FROM events")) == (0, [])
    execute("UPDATE batches SET lease_until = now() - interval '1 s'")
    assert (worker.read_all(), count_jobs()) == (1, 5)


def test_one_name_means_one_batch(caller: Caller) -> None:
    def ask(_: int) -> tuple[str, bool]:
        batch, is_new = batches.create_from_array(caller, ASKED, batching.lines(1), "monday")
        return batch.id.hex, is_new

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(ask, range(4)))
    assert len({batch_id for batch_id, _ in told}) == 1
    assert sorted(is_new for _, is_new in told) == [False, False, False, True]
    with pytest.raises(Conflict, match="another body"):
        batches.create_from_array(caller, ASKED, batching.lines(2), "monday")
    with pytest.raises(Conflict, match="another body"):
        batches.create_from_array(caller, TAKE_GOOD, batching.lines(1), "monday")
    execute("UPDATE batches SET created_at = created_at - interval '2 days'")
    _, is_new = batches.create_from_array(caller, ASKED, batching.lines(2), "monday")
    assert is_new, "its time is over"


def test_a_batch_without_a_name_touches_no_older_one(caller: Caller) -> None:
    batches.create_from_array(caller, ASKED, batching.lines(1))
    execute("UPDATE batches SET created_at = created_at - interval '2 days'")
    written = execute("SELECT xmin::text FROM batches")
    batches.create_from_array(caller, ASKED, batching.lines(1))
    assert execute("SELECT xmin::text FROM batches ORDER BY id LIMIT 1") == written


def test_only_the_accounts_own_uploads_are_read(caller: Caller, other_caller: Caller) -> None:
    link = batching.uploaded(other_caller, b"{}")
    for place in (link, "https://x.example/lines.jsonl", link.replace("/uploads/", "/jobs/")):
        with pytest.raises(WrongInput) as caught:
            batches.create_from_file(caller, ASKED, place)
        assert caught.value.field == "input_file"


def test_a_key_that_was_revoked_meanwhile_orders_nothing(caller: Caller) -> None:
    batches.create_from_array(caller, ASKED, batching.lines(1))
    with transaction() as session:
        accounts.revoke_key(session, caller.key_id)
    worker.read_all()
    [[status, error]] = execute("SELECT status, error FROM batches")
    assert (status, count_jobs()) == ("failed", 0)
    assert "revoked" in error


def test_archived_jobs_still_count(caller: Caller) -> None:
    batch_id = batching.read(caller, batching.lines(2)).batch.id
    batching.complete(1)
    execute(
        "UPDATE jobs SET deleted_at = now(), objects_removed_at = now() - interval '1 day' WHERE status = 'completed'"
    )
    for leaving in retention.leaving():
        retention.archive([one.job.id for one in leaving])
    assert batches.seen(caller, batch_id).states == {State.WAITING: 1, State.COMPLETED: 1}
