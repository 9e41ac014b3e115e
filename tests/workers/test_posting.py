"""Promises about one post: whatever the URL and whoever answers, it ends, and says how."""

import uuid

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from jobs.rules.addresses import ANYWHERE, why_not_url
from jobs.webhooks import Letter, Outcome
from tests.workers.test_guard import Resolver
from workers import guard_async, posting

HOSTS = some.text("aZ0-._~%\u00e9\u4e2d\u0130 []:", min_size=1, max_size=20)
PATHS = some.text(max_size=20)


def letter(url: str) -> Letter:
    lane = uuid.uuid4()
    return Letter(
        lane, 1, lane, None, "job.completed", 0, "a", url, 1, is_failing=False, secrets=("whsec_",), body=b"{}"
    )


def post(url: str) -> Outcome:
    async def go() -> Outcome:
        async with guard_async.client((), timeout_seconds=1, resolve=Resolver([])) as client:
            return await posting.post(client, letter(url), 1)

    return anyio.run(go)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(scheme=some.sampled_from(["http", "https", "HTTPS"]), host=HOSTS, path=PATHS)
def test_no_url_that_was_accepted_upsets_us(scheme: str, host: str, path: str) -> None:
    url = f"{scheme}://{host}/{path}"
    if why_not_url(url, ANYWHERE):
        return
    outcome = post(url)
    assert outcome.tried.status is None
    assert outcome.tried.error
