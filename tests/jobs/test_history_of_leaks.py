"""The promise about secrets, put to the test wherever the house says what went wrong."""

import pytest

from jobs import batches, history, settings
from jobs.accounts import Caller
from jobs.history import Finding
from tests import batching, factories
from tests.past import execute

LINK = "https://bucket.example.com/a.mp4?X-Amz-Signature=0123"


def judged() -> Finding:
    [found] = [found for found in history.check() if found.invariant == "I9"]
    return found


@pytest.mark.parametrize(
    "told",
    [
        "UPDATE batches SET error = :said",
        "UPDATE batches SET problems = jsonb_build_array(jsonb_build_object('message', CAST(:said AS text)))",
        "UPDATE deliveries SET status = 'given_up', settled_at = now(), reason = :said",
        "INSERT INTO delivery_tries (delivery_id, at, took_ms, error) SELECT id, now(), 1, :said FROM deliveries",
        "INSERT INTO error_groups (id, error_class, sentence) VALUES (gen_random_uuid(), 'internal', :said)",
        """INSERT INTO errands (id, verb, pick, operator, counted, before, refusal)
           VALUES (gen_random_uuid(), 'cancel', '{}', 'anna', 1, gen_random_uuid(), :said)""",
    ],
)
def test_a_secret_is_found_wherever_it_is_said_what_went_wrong(caller: Caller, bucket: str, told: str) -> None:
    job = factories.submit(caller, webhook_url="https://example.com/hook")
    batches.create_from_array(caller, batching.ASKED, batching.lines(1))
    execute(
        "INSERT INTO deliveries (id, account_id, lane, url, job_id, kind)"
        " SELECT id, account_id, id, webhook_url, id, 'job.completed' FROM jobs WHERE id = :id",
        id=job.id,
    )
    assert judged().verdict == "holds"
    execute(told, said=LINK)
    assert judged().verdict == "broken"


def test_the_consoles_secret_at_its_provider_is_looked_for(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    job = factories.submit(caller)
    execute("UPDATE jobs SET error = 'it said open-sesame'")
    assert judged().verdict == "holds"
    monkeypatch.setenv("DUOLOGUE_OIDC_CLIENT_SECRET", "open-sesame")
    settings.load.cache_clear()
    assert judged().broken == (job.id.hex,)
