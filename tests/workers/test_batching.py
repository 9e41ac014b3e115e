"""Promises about the files batches are read from: what is wrong is told with its line, and nothing is half taken."""

import base64
import io
import json
import wave
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobs import batches, lifecycle, storage
from jobs.accounts import Caller
from jobs.errors import EngineError
from jobs.rules import batches as rules
from jobs.rules.batches import LINE_MAX_BYTES
from jobs.tables import Batch
from tests import batching, factories, routed
from tests.batching import ASKED, TAKE_GOOD
from tests.conftest import set_settings
from tests.fakes.bucket_proxy import BucketProxy
from tests.past import execute
from workers import batching as worker
from workers import probing
from workers.chores import forget_batches
from workers.intake.prepare import Prepared, Request, prepare

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


def voice(seconds: float) -> str:
    """A tone, as it may stand inside a line."""
    told = io.BytesIO()
    with wave.open(told, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\x00\x40\x00\xc0" * int(4000 * seconds))
    return "data:audio/wav;base64," + base64.b64encode(told.getvalue()).decode()


def test_voices_are_measured_where_that_is_asked(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)
    left, right = voice(4), voice(8)
    both = factories.form(left_audio=left, right_audio=right)
    lines = [
        factories.line("in turn", inputs={**both, "order": "left_right"}, options={"engine": "gpu"}),
        factories.line("together", inputs=both, options={"engine": "gpu"}),
        factories.line("declared", options={"engine": "gpu", "duration_seconds": 5}),
        factories.line("no sound", inputs={**both, "left_audio": "data:audio/wav;base64,bm90aGluZw=="}),
    ]
    probed = batching.read(caller, lines, replace(TAKE_GOOD, is_probing=True, is_validate_only=True)).batch
    assert [(one["line"], one["field"]) for one in probed.problems] == [(4, "inputs.left_audio")]
    assert (probed.estimate or {})["price_usd"] == pytest.approx({"least": 0.75, "most": 0.75})
    guessed = batching.read(caller, lines[:2], replace(TAKE_GOOD, is_validate_only=True)).batch
    assert (guessed.estimate or {})["price_usd"]["most"] > (guessed.estimate or {})["price_usd"]["least"]


def test_a_batch_is_measured_for_so_long_and_each_voice_once_good_or_bad(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = list[object]()

    def seen(request: Request, *rest: Any) -> Prepared:  # noqa: ANN401 - as they are
        fetched.extend(request.sources.values())
        return prepare(request, *rest)

    monkeypatch.setattr(probing, "prepare", seen)
    monkeypatch.setattr(probing, "SECONDS_MAX", 0.0)
    bad, good = "data:audio/wav;base64,bm90aGluZw==", voice(4)
    voices = {"bad": bad, "bad again": bad, "left over": good}
    lines = [factories.line(name, inputs=factories.form(left_audio=one)) for name, one in voices.items()]
    batch = batching.read(caller, lines, replace(TAKE_GOOD, is_probing=True)).batch
    assert [one["custom_id"] for one in batch.problems] == list(voices)
    assert batch.problems[0]["message"] == batch.problems[1]["message"]
    assert "declare its length" in batch.problems[2]["message"]
    assert fetched == [bad]


def slowly(*rest: Any) -> Prepared:  # noqa: ANN401 - as they are
    execute("SELECT pg_sleep(1.2)")
    return prepare(*rest)


def test_however_long_a_batch_is_measured_its_jobs_have_all_of_their_time(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "prepare", slowly)
    options = {"deadlines": {"wait_seconds": 1, "total_seconds": 600}}
    line = factories.line(inputs=factories.form(left_audio=voice(4), right_audio=voice(4)), options=options)
    batch = batching.read(caller, [line], replace(ASKED, is_probing=True)).batch
    [job] = batches.jobs_of(caller, batch.id)
    assert (job.wait_until - job.created_at, job.finish_until - job.created_at) == (
        timedelta(seconds=1),
        timedelta(minutes=10),
    )


def test_a_batch_whose_deadline_passes_while_it_is_measured_is_not_opened(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "prepare", slowly)
    line = factories.line(inputs=factories.form(left_audio=voice(4), right_audio=voice(4)))
    batch = batching.read(caller, [line], replace(ASKED, is_probing=True, deadline_seconds=2)).batch
    assert (batch.status, count_jobs()) == ("failed", 0)
    assert "give it more time" in batch.error


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
        assert batches.take_unread() is not None
        assert batches.batch(caller, batch.id).status == "validating"
        fell_silent()
    worker.read_all()
    assert "could not be read in 2 tries" in batches.batch(caller, batch.id).error


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
