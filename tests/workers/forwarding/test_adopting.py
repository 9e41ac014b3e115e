"""Promises about keys that are changed while jobs are at the upstream."""

import pytest
from sqlalchemy import func, update

from cli.fake_wavespeed.plan import DEFAULT_KEY as KEY
from cli.fake_wavespeed.plan import read_keys
from jobs.database import transaction
from jobs.lifecycle import forwarding
from jobs.rules import tiers
from jobs.tables import UpstreamTry
from tests.conftest import set_settings
from tests.past import execute
from tests.workers.forwarding.conftest import Opener, wait_for
from workers.forwarding import handing

_LONG = 0.0001
_GONE = tiers.read_keys("gone:ultra")
KEYS = tiers.read_keys(f"{KEY}:ultra")
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


def test_what_was_never_sent_with_a_key_that_is_gone_is_sent_with_another(at_upstream: Opener) -> None:
    with at_upstream() as upstream:
        job_id = upstream.job()
        forwarding.forward(_GONE, 1)
        upstream.expire_holds()
        with upstream.forwarding():
            wait_for(lambda: upstream.tries(job_id)[0].outcome == "not_sent")
            execute("UPDATE jobs SET due_at = now()")
            (job,) = upstream.finish(job_id)
        assert (job.status, len(upstream.fake.jobs())) == ("completed", 1)


def test_what_may_have_been_sent_with_a_key_that_is_gone_is_found_with_another_of_its_account(
    at_upstream: Opener,
) -> None:
    with at_upstream() as upstream:
        job_id = upstream.job()
        [sending] = forwarding.forward(_GONE, 1)
        urls = handing.links(sending)
        forwarding.mark({sending.try_id: handing.marker(sending, urls)})
        forwarding.doubted([sending.try_id])
        upstream.fake.submit(sending.model, **sending.inputs, **urls)
        with upstream.forwarding():
            (job,) = upstream.finish(job_id)
        assert (job.status, len(upstream.fake.jobs())) == ("completed", 1)
        assert upstream.tries(job_id)[0].upstream_key == KEYS[0].name


def test_what_may_have_been_sent_with_a_key_that_is_gone_and_no_list_shows_is_possibly_charged_after_a_while(
    at_upstream: Opener,
) -> None:
    with at_upstream({"DUOLOGUE_WAVESPEED_DOUBT_SECONDS": "60"}) as upstream:
        job_ids = [upstream.job() for _ in range(2)]
        young, old = forwarding.forward(_GONE, 2)
        forwarding.mark(dict.fromkeys((young.try_id, old.try_id), "https://example.com/left.wav"))
        forwarding.doubted([young.try_id, old.try_id])
        with transaction() as session:
            long_ago = func.now() - func.make_interval(0, 0, 0, 0, 0, 2)
            session.execute(update(UpstreamTry).where(UpstreamTry.id == old.try_id).values(doubted_at=long_ago))
        with upstream.forwarding():
            wait_for(lambda: upstream.look(old.job_id).error_class == "possibly_charged")
        assert [upstream.look(job_id).status for job_id in job_ids].count("forwarded") == 1
        assert upstream.fake.jobs() == []
