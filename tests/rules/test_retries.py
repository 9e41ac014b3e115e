from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as some

from jobs import errors
from jobs.rules import retries
from jobs.rules.retries import Again, GiveUp, Policy, Record

FRESH = Record(attempt=1, attempts_max=5)


def all_job_errors(kind: type[errors.JobError] = errors.JobError) -> list[type[errors.JobError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in all_job_errors(child))]


@pytest.mark.parametrize("error", all_job_errors())
def test_every_job_error_has_a_policy(error: type[errors.JobError]) -> None:
    assert error.error_class in retries.POLICIES


@given(error_class=some.sampled_from(sorted(retries.POLICIES)), chance=some.floats(0, 1))
def test_what_is_permanent_is_never_tried_again(error_class: str, chance: float) -> None:
    assert retries.after_error(error_class, FRESH, permanent=True, chance=chance) == GiveUp()


@pytest.mark.parametrize("error_class", [name for name, policy in retries.POLICIES.items() if policy is Policy.NEVER])
def test_some_classes_are_never_tried_again(error_class: str) -> None:
    assert retries.after_error(error_class, FRESH, permanent=False, chance=0.5) == GiveUp()


@given(attempt=some.integers(1, 50), chance=some.floats(0, 1))
def test_pauses_grow_but_never_beyond_the_longest(attempt: int, chance: float) -> None:
    verdict = retries.after_error("engine", Record(attempt, 51), permanent=False, chance=chance)
    assert isinstance(verdict, Again)
    assert 2.5 <= verdict.pause_seconds <= retries.LONGEST_PAUSE_SECONDS
    later = retries.after_error("engine", Record(attempt + 1, 52), permanent=False, chance=chance)
    assert isinstance(later, Again)
    assert later.pause_seconds >= verdict.pause_seconds


def test_attempts_are_limited_and_the_caller_is_told_how_many() -> None:
    verdict = retries.after_error("engine", Record(5, 5), permanent=False, chance=0)
    assert verdict == GiveUp("given up after 5 attempts")


def test_told_to_wait_we_wait_as_told_and_lose_no_attempt() -> None:
    verdict = retries.after_error("provider_busy", Record(5, 5), permanent=False, told_seconds=30, chance=0.1)
    assert verdict == Again(30, counts=False)


def test_nobody_can_make_us_wait_for_ever() -> None:
    verdict = retries.after_error("provider_busy", FRESH, permanent=False, told_seconds=1e9, chance=0.1)
    assert verdict == Again(retries.TOLD_PAUSE_MAX_SECONDS, counts=False)


@pytest.mark.parametrize(
    "error_class", [name for name, policy in retries.POLICIES.items() if policy is Policy.WAIT_OUT]
)
@given(claims=some.integers(1, 10_000), chance=some.floats(0, 1))
def test_what_is_not_the_jobs_fault_is_waited_out_and_costs_no_attempt(
    error_class: str, claims: int, chance: float
) -> None:
    verdict = retries.after_error(error_class, Record(5, 5, claims=claims), permanent=False, chance=chance)
    assert isinstance(verdict, Again)
    assert not verdict.counts
    assert 0 < verdict.pause_seconds <= retries.LONGEST_PAUSE_SECONDS


def test_out_of_memory_goes_on_smaller_once() -> None:
    assert retries.after_error("out_of_memory", FRESH, permanent=False, chance=0) == Again(0.0, smaller=True)
    smallest = Record(2, 5, profile=retries.PROFILE_MAX)
    assert isinstance(retries.after_error("out_of_memory", smallest, permanent=False, chance=0), GiveUp)


def test_a_job_that_took_two_workers_down_is_set_aside() -> None:
    assert retries.after_lost_worker(1, FRESH) == Again(0.0)
    assert retries.after_lost_worker(2, FRESH) == GiveUp("set aside after it took 2 workers down")
    assert retries.after_lost_worker(1, Record(5, 5)) == GiveUp("given up after 5 attempts")


@given(attempt=some.integers(2, 50), chance=some.floats(0.01, 1))
def test_jobs_that_lost_their_worker_together_come_back_apart_from_the_second_time_on(
    attempt: int, chance: float
) -> None:
    together = partial(retries.after_lost_worker, 0, was_alone=False, chance=chance)
    assert together(FRESH) == Again(0.0)
    assert together(Record(attempt, attempt)) == GiveUp(f"given up after {attempt} attempts")
    verdict = together(Record(attempt, 51))
    assert isinstance(verdict, Again)
    assert verdict.counts
    assert 1 <= verdict.pause_seconds <= retries.LONGEST_PAUSE_SECONDS
