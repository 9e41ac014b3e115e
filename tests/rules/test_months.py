import uuid
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobs import ids
from jobs.rules import months

MONTHS = st.dates(date(1970, 1, 1), date(2900, 12, 31)).map(lambda day: day.replace(day=1))
RANDOM = st.integers(0, 2**80 - 1)


def drawn_at(moment: datetime, random: int = 0) -> uuid.UUID:
    return uuid.UUID(int=round(moment.timestamp() * 1000) << 80 | random)


def test_an_id_drawn_now_is_of_this_month() -> None:
    before, drawn, after = datetime.now(UTC), ids.new_id(), datetime.now(UTC)
    assert months.of_id(drawn) in {before.date().replace(day=1), after.date().replace(day=1)}


@given(MONTHS, RANDOM)
def test_the_ids_of_a_month_lie_between_its_first_and_the_next_ones_first(month: date, random: int) -> None:
    begins_at = datetime(month.year, month.month, 1, tzinfo=UTC)
    following = months.after(month)
    ends_at = datetime(following.year, following.month, 1, tzinfo=UTC) - timedelta(milliseconds=1)
    for moment in (begins_at, ends_at):
        drawn = drawn_at(moment, random)
        assert months.of_id(drawn) == month
        assert months.first_id(month) <= drawn < months.first_id(following)


def test_months_go_on_over_the_end_of_a_year() -> None:
    assert months.after(date(2026, 11, 1), 2) == date(2027, 1, 1)
    assert list(months.between(date(2026, 11, 1), date(2027, 2, 1))) == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
        date(2027, 2, 1),
    ]
    assert list(months.between(date(2026, 12, 1), date(2026, 11, 1))) == []
