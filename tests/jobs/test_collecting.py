"""Promises about videos that wait at the upstream: paid for, and fetched for long before they are paid again."""

import pytest

from jobs import lifecycle, upstream
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.lifecycle import arriving, forwarding
from jobs.lifecycle.arriving import Video
from jobs.rules.retries import COLLECTS_MIN
from jobs.rules.states import State
from jobs.tables import Job
from tests import factories, routed
from tests.past import execute

VIDEO = Video("https://example.com/video.mp4", is_flagged=False, inference_ms=10)


@pytest.fixture(autouse=True)
def _a_cloud(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)


def arrived(caller: Caller) -> Job:
    """A job whose video waits at the upstream."""
    job = routed.prepared(caller)
    [sending] = forwarding.forward(upstream.configured(), 9)
    forwarding.accepted({sending.try_id: "prediction-1"})
    arriving.completed({sending.try_id: VIDEO})
    return job


def status_of(job: Job) -> str:
    with transaction() as session:
        return session.get_one(Job, job.id).status


def fetch_in_vain(error: EngineError) -> None:
    """As often as it takes for a count to be full."""
    for _ in range(COLLECTS_MIN):
        execute("UPDATE jobs SET due_at = now()")
        lifecycle.not_collected(factories.claim(engine="cloud"), error)


@pytest.mark.parametrize(
    ("error_class", "hours", "status"),
    [
        ("provider_failed", 5, State.FORWARDED),
        ("provider_failed", 7, State.WAITING),
        ("provider_away", 7, State.FORWARDED),
    ],
)
def test_a_video_that_does_not_come_is_fetched_for_hours_and_while_nobody_is_reached_until_a_deadline(
    caller: Caller, error_class: str, hours: int, status: State
) -> None:
    job = arrived(caller)
    error = EngineError("it did not come", permanent=False, error_class=error_class)
    fetch_in_vain(error)
    pauses = execute("SELECT CAST(detail->>'pause_seconds' AS float) AS s FROM events WHERE kind = 'job.not_collected'")
    assert status_of(job) == State.FORWARDED
    assert pauses[-1].s > 7 * pauses[0].s

    execute("UPDATE upstream_tries SET ended_at = ended_at - make_interval(hours => :hours)", hours=hours)
    execute("UPDATE jobs SET due_at = now()")
    lifecycle.not_collected(factories.claim(engine="cloud"), error)
    assert status_of(job) == status


def test_half_of_the_time_a_job_has_left_is_kept_for_another_try(caller: Caller) -> None:
    job = arrived(caller)
    execute("UPDATE upstream_tries SET ended_at = ended_at - interval '1 hour'")
    execute("UPDATE jobs SET finish_until = now() + interval '50 minutes'")
    fetch_in_vain(EngineError("it did not come", permanent=False))

    assert status_of(job) == State.WAITING


def test_a_video_that_is_paid_for_is_fetched_again_however_many_workers_it_takes_down(caller: Caller) -> None:
    job = arrived(caller)
    for worker in ("worker-1", "worker-2", "worker-3"):
        assert factories.claim(worker, "cloud").arrival is not None
        execute("UPDATE jobs SET lease_until = now() - interval '1 second'")
        assert lifecycle.rescue() == 1
        assert status_of(job) == State.FORWARDED
