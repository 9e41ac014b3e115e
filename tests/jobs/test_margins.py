"""Promises about what operators read of prices and costs."""

from datetime import timedelta

from jobs import clock, lifecycle, margins
from jobs.accounts import Caller
from jobs.database import transaction
from tests import factories
from tests.past import completed, execute


def test_what_was_finished_is_summed_by_engine_with_its_margin(caller: Caller) -> None:
    completed(caller)
    lifecycle.cancel(caller, factories.submit(caller).id)
    execute("UPDATE jobs SET price_usd = 0.30, cost_usd = 0.10 WHERE status = 'completed'")
    with transaction() as session:
        [found] = margins.by_engine(session, clock.now() - timedelta(days=1))
        assert margins.by_engine(session, clock.now() + timedelta(days=1)) == []
    assert (found.engine, found.jobs, found.completed, found.video_seconds) == ("preview", 2, 1, 4.0)
    assert float(found.margin_usd) == 0.2


def test_one_job_is_told_with_its_tries_and_a_stranger_is_none(caller: Caller) -> None:
    job = completed(caller)
    with transaction() as session:
        found = margins.of_job(session, job.id)
        assert found is not None
        assert (found.status, found.tries, float(found.margin_usd)) == ("completed", [], 0.0)
        assert margins.of_job(session, caller.account_id) is None
