"""Promises about hours that are counted ahead: all of them, from the first job on, and again while they may change."""

from datetime import timedelta

from jobs import clock
from jobs.accounts import Caller
from tests.past import completed, execute
from tests.paying import antedate
from workers.chores import count_hours

DAYS = 5


def test_every_hour_since_the_first_job_is_counted_and_then_only_what_may_change(caller: Caller) -> None:
    antedate(completed(caller), clock.now() - timedelta(days=DAYS))
    completed(caller)
    assert count_hours.run_once() == DAYS * 24 + 1
    assert execute("SELECT hour, jobs FROM finished_hours ORDER BY hour DESC")[0].jobs == 1
    assert execute("SELECT sum(jobs) AS jobs FROM finished_hours")[0].jobs == 2
    assert execute("SELECT sum(accepted) AS jobs FROM engine_hours")[0].jobs == 2
    completed(caller)
    assert count_hours.run_once() <= 1  # unless an hour ended just now
    assert execute("SELECT sum(jobs) AS jobs FROM finished_hours")[0].jobs == 3


def test_an_hour_is_counted_again_once_its_bills_have_said_their_last_word(caller: Caller) -> None:
    antedate(completed(caller), clock.now() - timedelta(days=DAYS))
    count_hours.run_once()
    execute("UPDATE counted_hours SET counted_at = hour + interval '3 h'")
    execute("UPDATE jobs SET cost_usd = 0.25")
    count_hours.run_once()
    assert float(execute("SELECT sum(cost_usd) AS usd FROM finished_hours")[0].usd) == 0.25
    execute("UPDATE jobs SET cost_usd = 1")
    count_hours.run_once()
    assert float(execute("SELECT sum(cost_usd) AS usd FROM finished_hours")[0].usd) == 0.25


def test_a_house_without_jobs_has_this_hour_counted(database: dict[str, str]) -> None:
    assert count_hours.run_once() == 1
    assert execute("SELECT FROM finished_hours") == []
