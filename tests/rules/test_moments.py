from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobs import ids
from jobs.rules import moments

# Hours and the like: a moment between two milliseconds belongs to the earlier.
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2900, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - the strategy adds the zone
    lambda moment: moment.replace(microsecond=0)
)


def test_an_id_drawn_now_says_now() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert before <= moments.of_id(ids.new_id()) <= datetime.now(UTC)


@given(MOMENTS)
def test_a_moments_first_id_says_that_moment_and_lies_after_all_before_it(moment: datetime) -> None:
    first = moments.first_id(moment)
    assert moments.of_id(first) == moment
    assert moments.of_id(type(first)(int=first.int - 1)) < moment


@given(MOMENTS)
def test_the_ids_of_a_span_leave_room_for_clocks_that_differ_by_hours(moment: datetime) -> None:
    hours = timedelta(hours=23)
    assert moments.earliest_id(moment) < moments.first_id(moment - hours)
    assert moments.latest_id(moment) > moments.first_id(moment + hours)


def test_what_no_id_can_say_is_the_first_or_the_last_there_can_be() -> None:
    assert moments.first_id(datetime(1900, 1, 1, tzinfo=UTC)).int == 0
    assert moments.earliest_id(datetime.min.replace(tzinfo=UTC)).int == 0
    assert moments.latest_id(datetime.max.replace(tzinfo=UTC)) > moments.first_id(datetime(2900, 1, 1, tzinfo=UTC))
    assert moments.first_id(datetime(9999, 1, 1, tzinfo=UTC)) > moments.first_id(datetime(2900, 1, 1, tzinfo=UTC))
