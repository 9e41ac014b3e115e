"""Promises about keys that are changed while jobs are at the upstream."""

import pytest
from sqlalchemy import func, update

from cli.fake_wavespeed.plan import read_keys
from jobs.database import transaction
from jobs.tables import UpstreamTry
from tests.conftest import set_settings
from tests.workers.forwarding.conftest import Opener, wait_for

_LONG = 0.0001
_OTHER = {"DUOLOGUE_WAVESPEED_API_KEYS": "other-key:ultra"}


def test_what_was_sent_with_a_key_that_was_changed_since_is_fetched_with_the_new_one(
    at_upstream: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_upstream(speed=_LONG) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
        with transaction() as session:
            session.execute(update(UpstreamTry).values(upstream_key="another"))  # as if it had been sent with that
        upstream.fake.finish(upstream.fake.jobs()[0]["id"])
        with upstream.forwarding():
            (job,) = upstream.finish(job_id)
        assert (job.status, len(upstream.fake.jobs())) == ("completed", 1)


def test_what_no_key_knows_is_given_up_as_possibly_charged_once_no_job_waits_for_it(
    at_upstream: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_upstream(speed=_LONG, keys=read_keys("fake-key=ultra,other-key=ultra")) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
        set_settings(monkeypatch, _OTHER | {"DUOLOGUE_WAVESPEED_DOUBT_SECONDS": "1"})
        with upstream.forwarding():
            wait_for(lambda: upstream.tries(job_id)[0].looked_at)
            assert upstream.look(job_id).status == "forwarded", "while its job waits, it may be found yet"
            with transaction() as session:
                session.execute(update(UpstreamTry).values(stop_wanted_at=func.now() - func.make_interval(0, 0, 0, 1)))
            wait_for(lambda: upstream.tries(job_id)[0].ended_at)
        (one,) = upstream.tries(job_id)
        assert (one.outcome, one.cost_usd) == ("unproven", one.expected_usd)
