import uuid

import pytest

from jobs.rules import traces
from jobs.rules.traces import Context

JOB = uuid.UUID(int=(0x0198_0000_0000_7000 << 64) | 0x8000_0000_0000_0001)
GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_callers_context_is_read_and_written_as_it_is() -> None:
    assert str(traces.read(GIVEN)) == GIVEN


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "nonsense",
        GIVEN.upper(),
        f"{GIVEN}-more",
        f"ff{GIVEN[2:]}",
        GIVEN.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        GIVEN.replace("b7ad6b7169203331", "0" * 16),
        GIVEN[:-1],
        f" {GIVEN}",
    ],
)
def test_what_is_no_context_is_as_good_as_none(given: str | None) -> None:
    assert traces.read(given) is None


def test_a_later_version_may_say_more() -> None:
    assert traces.read(f"01{GIVEN[2:]}-more") == traces.read(GIVEN)


def test_a_job_without_a_caller_context_has_its_id_as_trace() -> None:
    own = traces.of_job(JOB, None)
    assert f"{own.trace_id:032x}" == JOB.hex
    assert own == traces.of_job(JOB, "nonsense")


def test_a_job_joins_its_callers_trace_and_is_wanted_as_the_caller_says() -> None:
    joined = traces.of_job(JOB, GIVEN, share=0.0)
    assert (joined.trace_id, joined.span_id) == (0x0AF7651916CD43DD8448EB211C80319C, traces.span_id(JOB, "order"))
    assert joined.is_wanted
    assert not traces.of_job(JOB, GIVEN.removesuffix("01") + "00").is_wanted


def test_parts_of_a_job_have_numbers_of_their_own() -> None:
    numbers = {traces.span_id(JOB, *what) for what in (("order",), ("attempt", 1), ("attempt", 2), ("wait", 1))}
    assert len(numbers) == 4
    assert all(0 < number < 2**64 for number in numbers)


def test_a_share_of_the_traces_is_about_that_share() -> None:
    drawn = sum(traces.is_drawn(uuid.uuid4().int, 0.25) for _ in range(4000))
    assert 800 < drawn < 1200
    assert traces.is_drawn(JOB.int, 1.0)
    assert not traces.is_drawn(JOB.int, 0.0)
    assert str(Context(1, 2, is_wanted=False)).endswith("-00")
