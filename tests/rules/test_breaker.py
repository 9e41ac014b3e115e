import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import breaker
from jobs.rules.breaker import FAILURES_MAX, Breaker, Phase
from jobs.rules.retries import POLICIES, PROFILE_MAX

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
JOBS = [uuid.UUID(int=number) for number in range(20)]


def shut() -> Breaker:
    found = Breaker()
    for job_id in JOBS[:FAILURES_MAX]:
        assert found.phase(NOON) is Phase.CLOSED
        found = breaker.after_failure(found, job_id, NOON)
    return found


def test_jobs_that_fail_one_after_the_other_shut_an_engine() -> None:
    assert shut().phase(NOON) is Phase.OPEN


@given(st.lists(st.integers(0, FAILURES_MAX - 2), max_size=60))
def test_fewer_jobs_shut_nothing_however_often_they_fail(numbers: list[int]) -> None:
    found = Breaker()
    for number in numbers:
        found = breaker.after_failure(found, JOBS[number], NOON)
    assert found.phase(NOON) is Phase.CLOSED


def test_after_its_pause_it_is_tried_again_and_stays_shut_longer_each_time() -> None:
    found, now, pauses = shut(), NOON, []
    for job_id in JOBS:
        assert found.open_until is not None
        pauses.append((found.open_until - now).total_seconds())
        assert found.phase(found.open_until - timedelta(seconds=1)) is Phase.OPEN
        now = found.open_until
        assert found.phase(now) is Phase.HALF_OPEN
        found = breaker.after_failure(found, job_id, now)
    assert pauses == sorted(pauses)
    assert pauses[:3] == [30, 60, 120]
    assert pauses[-1] == breaker.LONGEST_PAUSE_SECONDS


def test_what_began_before_it_was_shut_prolongs_nothing() -> None:
    before = shut()
    assert breaker.after_failure(before, JOBS[-1], NOON + timedelta(seconds=1)) == before


@pytest.mark.parametrize("engine", ["gpu", "cloud", "preview"])
@pytest.mark.parametrize("error_class", ["input", "moderation", "no_credit", "provider_busy", "storage", "deadline"])
def test_the_fault_of_others_speaks_against_no_engine(engine: str, error_class: str) -> None:
    assert not breaker.blames(engine, error_class, profile=PROFILE_MAX)


@pytest.mark.parametrize("error_class", POLICIES)
def test_what_would_fail_anywhere_speaks_against_no_engine(error_class: str) -> None:
    assert not breaker.blames("gpu", error_class, permanent=True, profile=PROFILE_MAX)


def test_memory_speaks_against_the_gpu_only_with_the_smallest_profile() -> None:
    assert not breaker.blames("gpu", "out_of_memory")
    assert breaker.blames("gpu", "out_of_memory", profile=PROFILE_MAX)


def test_every_fault_is_a_class_that_retries_know() -> None:
    assert set().union(*breaker.FAULTS.values()) <= POLICIES.keys()
