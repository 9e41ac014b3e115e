"""The story of one job's trace: from its caller's request through door, worker and courier to the webhook."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Member
from tests.fakes import otlp
from tests.fakes.receiver import Receiver
from tests.story.house import MULTI, House, house, wait_for

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SPANS = {"submit", "wait", "claim", "attempt", "intake", "render", "check", "store", "webhook delivery"}


@pytest.fixture
def collector() -> Iterator[otlp.Collector]:
    with otlp.collecting() as listening:
        yield listening


@pytest.fixture
def traced(environment: dict[str, str], member: Member, collector: otlp.Collector, tmp_path: Path) -> Iterator[House]:
    extras = {"DUOLOGUE_TRACES_URL": collector.url, "DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"}
    extras |= {"OTEL_BSP_SCHEDULE_DELAY": "200", "DUOLOGUE_LOG_FORMAT": "json"}
    with house(environment, tmp_path, member.key, **extras) as built:
        built.open_door()
        built.hire()
        built.set_clock()
        yield built


@pytest.mark.story
def test_one_trace_leads_from_the_callers_request_to_the_webhook(traced: House, collector: otlp.Collector) -> None:
    with Receiver() as receiver, traced.client as client:
        body = traced.pair(1.0) | {"prompt": "a secret wish"}
        headers = {"traceparent": CALLER}
        reply = client.post(f"/api/v3/{MULTI}?webhook={receiver.url()}", json=body, headers=headers).json()
        job = traced.wait_final(reply["data"]["id"])
        wait_for(lambda: collector.named("webhook delivery") != [], "the webhook's span")
        wait_for(lambda: {one.name for one in collector.spans} >= SPANS, "every span")
    spans = {one.name: one for one in collector.spans}
    assert set(spans) == SPANS
    assert {one.trace_id for one in spans.values()} == {CALLER[3:35]}
    assert spans["submit"].parent_id == CALLER[36:52]
    inside = {"claim", "intake", "render", "check", "store"}
    assert {spans[name].parent_id for name in inside} == {spans["attempt"].span_id}
    assert {spans[name].parent_id for name in SPANS - inside - {"submit"}} == {spans["submit"].span_id}
    assert {spans[name].program for name in ("submit", "render", "webhook delivery")} == {"api", "worker", "timetable"}
    assert all(one.attributes["duologue.job.id"] == job["id"] for one in spans.values())
    assert "secret" not in repr(collector.spans)
    assert CALLER[3:35] in traced.log("worker").read_text()
