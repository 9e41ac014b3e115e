"""Promises about what a refusal means to the job: again, elsewhere, never, or look it up first."""

from datetime import UTC, datetime

import pytest

from cli.fake_wavespeed.faults import FAILURES
from jobs.rules.retries import POLICIES
from workers.engines.cloud import calls, errors, refusals
from workers.engines.cloud.errors import Away, Busy, KeyRefused, OutcomeUnknown, Refused, UpstreamError
from workers.engines.cloud.replies import Prediction

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "of_a_submit", "of_a_look"),
    [
        (400, Refused, Refused),
        (401, KeyRefused, KeyRefused),
        (402, KeyRefused, KeyRefused),
        (403, KeyRefused, KeyRefused),
        (404, Refused, Refused),
        (408, OutcomeUnknown, Away),
        (413, Refused, Refused),
        (425, OutcomeUnknown, Away),
        (429, Busy, Busy),
        (500, OutcomeUnknown, Away),
        (502, OutcomeUnknown, Away),
        (503, OutcomeUnknown, Away),
        (504, OutcomeUnknown, Away),
        (202, OutcomeUnknown, Away),
    ],
)
def test_every_status_has_its_meaning(
    status: int, of_a_submit: type[UpstreamError], of_a_look: type[UpstreamError]
) -> None:
    found = [
        refusals.why_refused(question.call, status, "why", "key", None) for question in (calls.SUBMIT, calls.RESULT)
    ]

    assert [type(error) for error in found] == [of_a_submit, of_a_look]
    assert all("why" in str(error) and error.key == "key" for error in found)


def test_every_error_class_has_a_policy() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UpstreamError)]
    of_tasks = {refusals.why_failed(Prediction("a", "failed", code=code)).error_class for code in FAILURES}

    assert {kind.error_class for kind in kinds} | of_tasks <= POLICIES.keys()


@pytest.mark.parametrize(
    ("code", "error_class", "permanent"),
    [
        (1200, "moderation", True),
        (1401, "provider_refused", True),
        (1402, "input", False),
        (5003, "provider_failed", False),
        (9999, "provider_failed", False),
    ],
)
def test_a_failed_task_says_whether_it_is_worth_another_try(code: int, error_class: str, *, permanent: bool) -> None:
    told = refusals.why_failed(Prediction("a", "failed", code=code, error="see https://b/a?sig=1."))

    assert (told.task_code, told.error_class, told.permanent) == (code, error_class, permanent)
    assert str(told) == f"The job failed at WaveSpeed with code {code}: see https://b/a"


def test_an_end_without_a_reason_is_told_too() -> None:
    assert (
        str(refusals.why_failed(Prediction("a", "timeout"))) == "The job was timeout at WaveSpeed: no reason was given"
    )
    assert "failed at WaveSpeed" in str(refusals.why_failed(Prediction("a", "completed")))


def test_words_of_the_upstream_are_made_fit_to_print() -> None:
    assert refusals.quoted("two\nlines\x1b[31m ") == "two lines [31m"
    assert (
        refusals.quoted('see "https://b/a?X-Amz-Signature=1" and HTTP://c/?t=2,') == 'see "https://b/a" and HTTP://c/'
    )
    assert len(refusals.quoted("x" * 10_000)) == 301


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("999999999999", 3600.0),
        ("9" * 10_000, None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("Thu, 01 Jan 2026 13:01:00 +0100", 60.0),
        ("Thu, 01 Jan 2026 12:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_the_pause_we_are_told_is_read(said: str, seconds: float | None) -> None:
    assert refusals.told_pause_seconds({"Retry-After": said}, NOW) == seconds
