"""The promise about webhooks, put to the test on histories that the house itself would not have written."""

import pytest

from jobs import history, lifecycle
from jobs.accounts import Caller
from jobs.history import Finding
from jobs.tables import Job
from tests import factories
from tests.past import execute

RECEIVER = "https://example.com/hook"


def judged() -> Finding:
    [found] = [found for found in history.check() if found.invariant == "I5"]
    return found


@pytest.fixture
def jobs(caller: Caller) -> list[Job]:
    """Two final jobs with a webhook: one has been told, the other is owed."""
    ordered = [factories.submit(caller, webhook_url=RECEIVER) for _ in range(2)]
    for job in ordered:
        lifecycle.cancel(caller, job.id)
    execute(
        "UPDATE deliveries SET status = 'delivered', settled_at = now() WHERE job_id = :id",
        id=ordered[0].id,
    )
    execute(
        "INSERT INTO delivery_tries (delivery_id, at, took_ms, status)"
        " SELECT id, now(), 5, 204 FROM deliveries WHERE job_id = :id",
        id=ordered[0].id,
    )
    return ordered


def test_a_good_history_keeps_the_promise(jobs: list[Job]) -> None:
    assert (judged().verdict, judged().subjects) == ("holds", len(jobs))


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("DELETE FROM deliveries WHERE job_id = :id AND status = 'owed'", id="forgotten"),
        pytest.param(
            "INSERT INTO deliveries (id, account_id, lane, url, job_id, kind)"
            " SELECT gen_random_uuid(), account_id, lane, url, job_id, kind FROM deliveries WHERE job_id = :id",
            id="owed twice",
        ),
        pytest.param(
            "UPDATE deliveries SET owed_since = now() - interval '7 days' WHERE job_id = :id", id="owed for ever"
        ),
        pytest.param(
            "UPDATE deliveries SET status = 'delivered', settled_at = now() WHERE job_id = :id", id="not really told"
        ),
    ],
)
def test_a_broken_history_is_found(jobs: list[Job], wrong: str) -> None:
    execute(wrong, id=jobs[1].id)
    assert (judged().verdict, judged().broken) == ("broken", (jobs[1].id.hex,))


def test_a_job_that_outlives_the_log_of_its_webhook_is_not_called_forgotten(jobs: list[Job]) -> None:
    execute("UPDATE jobs SET finished_at = now() - interval '31 days'")
    execute("DELETE FROM deliveries WHERE job_id = :id", id=jobs[1].id)
    execute("UPDATE deliveries SET created_at = now() - interval '32 days', settled_at = now() - interval '29 days'")
    assert judged().verdict == "holds"
