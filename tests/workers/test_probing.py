"""Promises about batches whose voices are measured before they open."""

import base64
import io
import wave
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobs import batches
from jobs.accounts import Caller
from jobs.errors import WorkerUnfit
from tests import batching, factories, routed
from tests.batching import ASKED, TAKE_GOOD
from tests.past import execute
from workers import batching as worker
from workers import probing
from workers.intake.prepare import Prepared, Request, prepare

pytestmark = pytest.mark.usefixtures("bucket")


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
    assert (batch.status, batch.jobs) == ("failed", 0)
    assert "give it more time" in batch.error


def test_a_batch_that_no_machine_can_measure_ends_with_a_sentence(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unfit(*_: object) -> Prepared:
        raise WorkerUnfit("the worker cannot decode media; its log says why")

    monkeypatch.setattr(probing, "prepare", unfit)
    monkeypatch.setattr(worker, "_TRIES_MAX", 2)
    line = factories.line(inputs=factories.form(left_audio=voice(4), right_audio=voice(4)))
    batch = batching.read(caller, [line], replace(ASKED, is_probing=True)).batch
    for _ in range(2):
        assert batches.batch(caller, batch.id).status == "validating"
        execute("UPDATE batches SET lease_until = now() - interval '1 s'")
        worker.probe_all()
    batch = batches.batch(caller, batch.id)
    assert (batch.status, batch.jobs) == ("failed", 0)
    assert "could not be read in 2 tries. Send it without probe" in batch.error


def test_no_batch_waits_for_what_another_accounts_batches_are_measured(caller: Caller, other_caller: Caller) -> None:
    probing_wish = replace(ASKED, is_probing=True)
    mine = [batches.create_from_array(caller, probing_wish, batching.lines(1))[0].id for _ in range(2)]
    other, _ = batches.create_from_array(other_caller, probing_wish, batching.lines(1))
    plain, _ = batches.create_from_array(other_caller, ASKED, batching.lines(1))
    measured = [batches.take_unread(is_probing=True) for _ in range(3)]
    assert [one and one.id for one in measured] == [mine[0], other.id, None], "one of each account at a time"
    assert worker.read_all() == 1
    assert batches.batch(other_caller, plain.id).status == "in_progress"


def test_accounts_take_turns_to_have_their_batches_read(caller: Caller, other_caller: Caller) -> None:
    made = [batches.create_from_array(who, ASKED, batching.lines(1))[0].id for who in (caller, caller, other_caller)]
    worker.read_all()
    read = [row.id for row in execute("SELECT id FROM batches ORDER BY in_progress_at")]
    assert read == [made[0], made[2], made[1]]
