"""Promises about a job's way to the upstream and back, on a real database, bucket and a WaveSpeed that speaks HTTP."""

from jobs import lifecycle, storage
from jobs.rules.states import State
from tests import factories
from tests.workers.forwarding.conftest import Upstream, wait_for


def test_a_job_goes_to_the_upstream_and_its_video_comes_into_our_bucket(upstream: Upstream) -> None:
    job_id = upstream.job()

    with upstream.forwarding():
        (job,) = upstream.finish(job_id)

    assert (job.status, job.error) == ("completed", "")
    assert upstream.story(job_id) == [
        "job.created",
        "job.claimed",
        "job.prepared",
        "job.forwarded",
        "job.arrived",
        "job.collecting",
        "job.completed",
    ]
    (one,) = upstream.tries(job_id)
    assert (one.outcome, one.attempt, job.attempt) == ("completed", 1, 1)
    assert storage.size(job.output["key"]) == job.output["bytes"] > 0
    assert len(upstream.fake.jobs()) == 1
    assert job.cost_usd == one.expected_usd > 0


def test_no_worker_is_held_while_a_job_is_at_the_upstream(at_upstream) -> None:
    with at_upstream(speed=0.001) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.look(job_id).stage == "rendering")
            job = upstream.look(job_id)
            assert (job.status, job.lease_until) == (State.FORWARDED, None)
            assert lifecycle.claim("worker-2", "cloud") is None


def test_a_cancel_is_true_at_once_and_the_upstream_is_asked_to_stop(at_upstream) -> None:
    with at_upstream(speed=0.001) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.look(job_id).stage == "rendering")
            assert lifecycle.cancel(upstream.caller, job_id).status == State.CANCELLED
            wait_for(lambda: upstream.tries(job_id)[0].ended_at)
        (there,) = upstream.fake.jobs()
        assert there["status"] == "cancelled"
        assert upstream.look(job_id).cost_usd == 0
