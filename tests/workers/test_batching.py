"""Promises about the files batches are read from: what is wrong is told with its line, and nothing is half taken."""

import json
from typing import Any

import pytest

from jobs import batches, lifecycle, storage
from jobs.accounts import Caller
from jobs.errors import EngineError
from jobs.rules import batches as rules
from jobs.rules.batches import LINE_MAX_BYTES
from jobs.tables import Batch
from tests import batching, factories
from tests.batching import ASKED, TAKE_GOOD
from tests.conftest import set_settings
from tests.fakes.bucket_proxy import BucketProxy
from tests.past import execute
from workers import batching as worker
from workers.chores import forget_batches

pytestmark = pytest.mark.usefixtures("bucket")

GOOD = json.dumps(factories.line("good")).encode()


def problems(batch: Batch) -> list[tuple[int, str | None, str]]:
    return [(one["line"], one["custom_id"], one["code"]) for one in batch.problems]


def count_jobs() -> int:
    [[count]] = execute("SELECT count(*) FROM jobs")
    return int(count)


BAD_FILE = b"\n".join(
    [
        b"\xef\xbb\xbf" + GOOD,  # a mark that some editors set
        b"",
        b'{"custom_id": "cut off", "model"',
        b'{"custom_id": "latin", "x": "\xe9"}',
        json.dumps(factories.line("good")).encode(),
        json.dumps(factories.line("unknown", model="wavespeed-ai/other")).encode(),
        json.dumps(factories.line("no image", inputs=factories.form(image=None))).encode(),
        json.dumps({"custom_id": "envelope", "body": {"model": factories.MULTI, "inputs": factories.form()}}).encode(),
        b'{"custom_id": "long", "x": "' + b"x" * LINE_MAX_BYTES + b'"}',
        json.dumps(factories.line("also good")).encode() + b"\r",
        b"  ",
    ]
)
BAD_LINES = [
    (3, None, "invalid_input"),
    (4, None, "invalid_input"),
    (5, "good", "wrong_input"),
    (6, "unknown", "not_found"),
    (7, "no image", "missing_input"),
    (8, "envelope", "invalid_input"),
    (9, None, "invalid_input"),
]


def test_every_bad_line_is_told_with_its_number_and_none_is_taken(caller: Caller) -> None:
    batch = batching.read_file(caller, BAD_FILE).batch
    assert (batch.status, batch.lines, batch.bad, count_jobs()) == ("failed", 9, 7, 0)
    assert problems(batch) == BAD_LINES
    assert "7 lines cannot be taken, so none was" in batch.error
    assert "line 1 already" in batch.problems[2]["message"]
    kept = batching.parsed(batching.file_of(batch, "bad-lines.jsonl"))
    assert kept == batch.problems


def test_a_line_whose_webhook_can_never_be_posted_is_bad(caller: Caller) -> None:
    line = factories.line("private", options={"webhook": "https://10.0.0.1/"})
    batch = batching.read(caller, [line, factories.line("good")], TAKE_GOOD).batch
    assert [(one["custom_id"], one["field"]) for one in batch.problems] == [("private", "options.webhook")]


def test_the_good_lines_are_taken_where_that_is_asked(caller: Caller) -> None:
    batch = batching.read_file(caller, BAD_FILE, TAKE_GOOD).batch
    assert (batch.status, batch.jobs, batch.bad) == ("in_progress", 2, 7)
    assert [(job.batch_line, job.custom_id) for job in batches.jobs_of(caller, batch.id)] == [
        (1, "good"),
        (10, "also good"),
    ]
    batching.complete(1)
    lifecycle.stumble(factories.claim(), EngineError("broken", permanent=True))
    worker.close_all()
    batch = batches.batch(caller, batch.id)
    errors = batching.parsed(batching.file_of(batch, "errors.jsonl"))
    assert [one["line"] for one in errors] == [*(line for line, _, _ in BAD_LINES), 10]


def test_only_the_first_hundred_bad_lines_are_in_the_row_and_all_are_in_the_file(caller: Caller) -> None:
    batch = batching.read_file(caller, b"nope\n" * 150, TAKE_GOOD).batch
    assert (batch.status, batch.bad, len(batch.problems)) == ("failed", 150, 100)
    assert len(batching.parsed(batching.file_of(batch, "bad-lines.jsonl"))) == 150


def test_a_batch_ends_however_long_the_file_of_its_bad_lines_is(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batching.read_file(caller, BAD_FILE, TAKE_GOOD).batch
    monkeypatch.setattr(worker, "FILE_MAX_BYTES", 10)
    batching.complete(2)
    worker.close_all()
    assert batches.batch(caller, batch.id).status == "completed"


def test_a_file_that_holds_no_lines_is_refused_as_a_whole(caller: Caller) -> None:
    files = {
        "UTF-16": "nope".encode("utf-16"),
        "compressed; send": b"\x1f\x8b\x08rest",
        "spreadsheet": b"PK\x03\x04rest",
        "no line": b"\n\n",
    }
    for why, content in files.items():
        batch = batching.read_file(caller, content).batch
        assert batch.status == "failed"
        assert why in batch.error
    assert count_jobs() == 0


def test_a_file_with_too_many_lines_is_refused(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.batches.reading.LINES_MAX", 3)
    batch = batching.read_file(caller, b"\n".join(json.dumps(line).encode() for line in batching.lines(4))).batch
    assert (batch.status, count_jobs()) == ("failed", 0)
    assert "more than 3 lines" in batch.error


def test_blank_lines_have_numbers_but_do_not_count(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.batches.reading.LINES_MAX", 2)
    first, last = (json.dumps(line).encode() for line in batching.lines(2))
    batch = batching.read_file(caller, first + b"\n" * 2_000 + last + b"\n\n").batch
    assert (batch.status, batch.lines) == ("in_progress", 2)
    assert [job.batch_line for job in batches.jobs_of(caller, batch.id)] == [1, 2_001]
    monkeypatch.setattr("jobs.batches.reading.NUMBERS_MAX", 2_000)
    assert "leave out blank ones" in batching.read_file(caller, first + b"\n" * 2_002).batch.error


def test_a_file_that_is_gone_or_not_all_there_is_told(caller: Caller) -> None:
    link = batching.uploaded(caller, GOOD)
    execute("UPDATE uploads SET size_bytes = size_bytes + 100")
    half, _ = batches.create_from_file(caller, ASKED, link)
    worker.read_all()
    assert "upload it again" in batches.batch(caller, half.id).error
    storage.remove([half.input_key or ""])
    gone, _ = batches.create_from_file(caller, ASKED, link)
    worker.read_all()
    assert "not in the bucket" in batches.batch(caller, gone.id).error
    assert count_jobs() == 0


def test_while_the_bucket_is_away_a_batch_waits(
    caller: Caller, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, _ = batches.create_from_array(caller, ASKED, batching.lines(1))
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.failing():
            worker.read_all()
    set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": database["DUOLOGUE_S3_ENDPOINT_URL"]})
    assert batches.batch(caller, batch.id).status == "validating"
    execute("UPDATE batches SET lease_until = now() - interval '1 s'")
    worker.read_all()
    assert batches.batch(caller, batch.id).status == "in_progress"


def test_however_long_the_bucket_is_away_only_readers_that_died_count_as_tries(
    caller: Caller, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_TRIES_MAX", 2)
    batch, _ = batches.create_from_array(caller, ASKED, batching.lines(1))
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.failing():
            for _ in range(4):
                assert worker.read_all() == 1
                fell_silent()
    for _ in range(2):
        assert batches.take_unread(is_probing=False) is not None
        assert batches.batch(caller, batch.id).status == "validating"
        fell_silent()
    worker.read_all()
    assert "could not be read in 2 tries" in batches.batch(caller, batch.id).error


def test_nobody_takes_a_batch_from_a_reader_whose_file_is_slow_to_come_or_to_go(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_LEASE_SECONDS": "1", "DUOLOGUE_RENEW_SECONDS": "0.2"})
    taken = list[Batch | None]()
    download, put = storage.download, storage.put

    def slow_download(*rest: Any) -> None:  # noqa: ANN401 - as they are
        execute("SELECT pg_sleep(1.5)")
        taken.append(batches.take_unread(is_probing=False))
        download(*rest)

    def slow_put(*rest: Any) -> None:  # noqa: ANN401 - as they are
        execute("SELECT pg_sleep(1.5)")
        taken.append(batches.take_ended())
        put(*rest)

    made, _ = batches.create_from_array(caller, ASKED, batching.lines(1))
    monkeypatch.setattr(storage, "download", slow_download)
    monkeypatch.setattr(storage, "put", slow_put)
    worker.read_all()
    batching.complete(1)
    worker.close_all()
    batch = batches.batch(caller, made.id)
    assert (taken, batch.status, batch.fence) == ([None] * 3, "completed", 2)


def fell_silent() -> None:
    """Nobody holds a batch any more, nor waits before it is taken up again."""
    execute("UPDATE batches SET lease_until = now() - interval '1 s' WHERE finished_at IS NULL")


def test_a_batch_kept_long_enough_is_forgotten_with_its_files(caller: Caller) -> None:
    old = batching.read_file(caller, BAD_FILE).batch
    execute("UPDATE batches SET finished_at = finished_at - interval '8 days'")
    fresh = batching.read_file(caller, BAD_FILE).batch
    assert forget_batches.run_once() == 1
    assert list(storage.keys_below(rules.key(old.account_id, old.id))) == []
    assert execute("SELECT id FROM batches") == [(fresh.id,)]
    assert batching.file_of(fresh, "bad-lines.jsonl")
