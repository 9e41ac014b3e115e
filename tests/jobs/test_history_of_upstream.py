"""The promise that nothing is sent to the upstream twice without need, broken in every way that rows can show."""

import pytest

from jobs import history, lifecycle, upstream
from jobs.accounts import Caller
from jobs.errors import EngineError
from jobs.history import Finding
from jobs.lifecycle import arriving, forwarding
from jobs.lifecycle.arriving import Video
from jobs.tables import Job
from tests import factories, routed
from tests.past import execute

AWAY = EngineError("away", permanent=False, error_class="provider_away")


@pytest.fixture(autouse=True)
def _a_cloud(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)


@pytest.fixture
def job(caller: Caller) -> Job:
    """A job whose video came from the upstream at the second try."""
    job = factories.submit(caller, engine="cloud")
    claim = factories.claim(engine="cloud")
    lifecycle.keep_media(claim, {name: {"key": f"{name}.wav", "seconds": 4.2} for name in claim.model.media})
    lifecycle.prepared(claim)
    [sending] = forwarding.forward(upstream.configured(), 1)
    forwarding.unsent(sending.try_id, AWAY)
    execute("UPDATE jobs SET due_at = now()")
    [sending] = forwarding.forward(upstream.configured(), 1)
    forwarding.accepted({sending.try_id: "prediction-1"})
    arriving.completed({sending.try_id: Video("https://example.com/video.mp4", is_flagged=False, inference_ms=10)})
    claim = factories.claim(engine="cloud")
    lifecycle.finish(claim, factories.output(claim))
    return job


def finding(invariant: str) -> Finding:
    return next(found for found in history.check() if found.invariant == invariant)


def test_what_the_house_itself_sends_holds(job: Job) -> None:
    found = {one.invariant: one.verdict for one in history.check()}
    assert (finding("I10").verdict, finding("I10").subjects) == ("holds", 2)
    assert "broken" not in found.values()


def test_a_job_that_is_sent_beside_an_open_try_is_found(job: Job) -> None:
    execute("UPDATE upstream_tries SET ended_at = ended_at + interval '1 hour' WHERE upstream_id IS NULL")
    assert finding("I10").broken == (job.id.hex,)


def test_a_job_that_is_sent_after_its_video_came_is_found(job: Job) -> None:
    execute("UPDATE upstream_tries SET outcome = 'completed' WHERE upstream_id IS NULL")
    assert finding("I10").broken == (job.id.hex,)
    execute("UPDATE upstream_tries SET collects = 5 WHERE upstream_id IS NULL")
    assert finding("I10").verdict == "holds"


@pytest.mark.parametrize("agreed", [True, False])
def test_a_job_that_is_sent_after_it_may_have_been_charged_is_found(job: Job, *, agreed: bool) -> None:
    execute("UPDATE upstream_tries SET outcome = 'unproven' WHERE upstream_id IS NULL")
    execute("UPDATE accounts SET resends_unproven = :agreed", agreed=agreed)
    assert finding("I10").verdict == ("holds" if agreed else "broken")


def test_a_video_that_is_not_of_the_newest_try_is_found(job: Job) -> None:
    execute("UPDATE upstream_tries SET outcome = 'failed' WHERE upstream_id IS NOT NULL")
    assert finding("I10").broken == (job.id.hex,)


def test_two_tries_with_one_prediction_are_found(job: Job) -> None:
    execute("UPDATE upstream_tries SET upstream_id = 'prediction-1'")
    assert finding("I10").broken == (job.id.hex,)
