from hypothesis import given
from hypothesis import strategies as some

from jobs.rules import estimates
from jobs.rules.estimates import Pace, Queue, Span

PACE = Pace(run_seconds=10.0, realtime_factor=0.5)


def test_a_free_slot_begins_now() -> None:
    assert estimates.starts_in_seconds(Queue(ahead=0, slots=1, busy=0), PACE, 0) == 0


def test_a_full_house_begins_after_half_a_round() -> None:
    assert estimates.starts_in_seconds(Queue(ahead=0, slots=1, busy=1), PACE, 0) == 5
    assert estimates.starts_in_seconds(Queue(ahead=3, slots=2, busy=2), PACE, 0) == 15


def test_nothing_begins_before_it_is_due() -> None:
    assert estimates.starts_in_seconds(Queue(ahead=0, slots=1, busy=0), PACE, 7) == 7


def test_without_a_worker_nobody_knows() -> None:
    assert estimates.starts_in_seconds(Queue(ahead=0, slots=0, busy=0), PACE, 0) is None


@given(ahead=some.integers(0, 1000), slots=some.integers(1, 100), busy=some.integers(0, 100))
def test_more_jobs_ahead_never_begin_it_sooner(ahead: int, slots: int, busy: int) -> None:
    first = estimates.starts_in_seconds(Queue(ahead, slots, min(busy, slots)), PACE, 0)
    later = estimates.starts_in_seconds(Queue(ahead + 1, slots, min(busy, slots)), PACE, 0)
    assert first is not None
    assert later is not None
    assert later >= first


def test_a_known_length_counts_more_than_what_others_took() -> None:
    assert estimates.run_seconds(PACE, 60) == 30
    assert estimates.run_seconds(PACE, None) == 10


def test_remaining_time_follows_the_progress_once_there_is_some() -> None:
    assert estimates.remaining_seconds(10, 0.5, 99) == 10
    assert estimates.remaining_seconds(4, 0.01, 30) == 26
    assert estimates.remaining_seconds(40, 0.01, 30) == 0
    assert estimates.remaining_seconds(4, 0.01, None) is None


def test_why_it_waits_is_said_in_words() -> None:
    said = estimates.why_waiting
    assert said("preview", Queue(0, 1, 0), 4, "image: timed out").startswith("It is tried again in 4 s")
    assert "image: timed out" in said("preview", Queue(0, 1, 0), 4, "image: timed out")
    assert said("gpu", Queue(0, 0, 0), 0, "").startswith("No worker with the gpu engine")
    assert said("preview", Queue(1, 2, 2), 0, "") == "1 job goes first; 2 of 2 slots are busy."
    assert said("preview", Queue(0, 2, 2), 0, "") == "It is next; all 2 slots are busy."
    assert said("preview", Queue(0, 2, 1), 0, "") == "It is next; a worker is being woken."


def test_error_bars_hold_the_expectation_and_even_out_over_many_jobs() -> None:
    pace = Pace(run_seconds=10.0, realtime_factor=0.5, least=0.5, most=2.0)
    near, far = (estimates.start_span(Queue(ahead, 1, 1), pace, 0) for ahead in (0, 399))
    assert near is not None
    assert far is not None
    assert (near.least, near.expected, near.most) == (2.5, 5, 10)
    assert far.least <= far.expected <= far.most
    assert far.most / far.expected < 1.06
    assert estimates.run_span(pace, 60, 20) == Span(10, 0, 40)
    assert near.then(Span(1, 1, 1)) == Span(6, 3.5, 11)
    assert estimates.start_span(Queue(0, 0, 0), pace, 0) is None
