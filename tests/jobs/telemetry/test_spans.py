"""Promises about the spans that events become, as a collector of traces sees them."""

import subprocess
import sys
import uuid
from collections.abc import Iterator

import pytest

from jobs import ids, settings, telemetry
from jobs.rules import traces
from jobs.telemetry import tracing
from jobs.telemetry.spans import Collector as Sender
from tests.fakes import otlp

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[otlp.Collector]:
    """Spans go there, until the end of the test."""
    with otlp.collecting() as listening:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", listening.url)
        tracing.is_on.cache_clear()
        tracing.share.cache_clear()
        yield listening
    tracing.is_on.cache_clear()
    tracing.share.cache_clear()


def heard(*told: tuple[str, dict[str, object]]) -> None:
    """Have a process hear this, and end."""
    sender = Sender("tests")
    for name, facts in told:
        sender.hear(name, facts)
    sender.close()


def test_what_happens_to_a_job_hangs_together_in_its_own_trace(collector: otlp.Collector) -> None:
    job = ids.new_id()
    context = {"job": job.hex, "traceparent": telemetry.order(job, None)}
    heard(
        ("order.answered", {**context, "seconds": 0.25, "route": "/v1/jobs", "status": 201}),
        ("job.claimed", {**context, "waited_seconds": 3.0, "worker": "w-1"}),
        ("stage.ended", {**context, "fence": 1, "stage": "render", "seconds": 2.0}),
        ("attempt.ended", {**context, "fence": 1, "seconds": 2.5, "outcome": "completed"}),
        ("upstream.sent", {**context, "seconds": 0.5}),
        ("upstream.ended", {**context, "seconds": 60.0, "outcome": "completed"}),
        ("webhook.posted", {**context, "seconds": 0.1, "outcome": "failed", "status": 500}),
        ("chore.done", {"chore": "rescue"}),
    )
    spans = {one.name: one for one in collector.spans}
    order, attempt = spans["submit"], spans["attempt"]
    assert set(spans) == {
        "submit", "wait", "attempt", "render", "upstream submit", "upstream wait", "webhook delivery"
    }  # fmt: skip
    assert {one.trace_id for one in spans.values()} == {job.hex}
    assert order.parent_id == ""
    assert spans["render"].parent_id == attempt.span_id
    assert {one.parent_id for name, one in spans.items() if name not in {"submit", "render"}} == {order.span_id}
    assert (spans["wait"].ended_at - spans["wait"].began_at) == 3_000_000_000
    assert order.attributes == {
        "duologue.job.id": job.hex,
        "http.route": "/v1/jobs",
        "http.response.status_code": 201,
    }
    assert [name for name, one in spans.items() if one.has_failed] == ["webhook delivery"]


def test_a_callers_trace_goes_on_through_ours(collector: otlp.Collector) -> None:
    job = ids.new_id()
    context = telemetry.order(job, GIVEN)
    heard(("order.answered", {"job": job.hex, "traceparent": context, "caller": GIVEN, "seconds": 0.1}))
    [order] = collector.spans
    assert (order.trace_id, order.parent_id) == (GIVEN[3:35], GIVEN[36:52])
    assert collector.paths == {"/v1/traces"}


def test_what_a_caller_or_an_operator_does_not_want_is_not_sent(
    collector: otlp.Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = ids.new_id(), ids.new_id()
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    tracing.share.cache_clear()
    told: dict[str, object] = {"stage": "render", "seconds": 1.0}
    heard(
        ("stage.ended", {"job": job.hex, "traceparent": telemetry.order(job, GIVEN.removesuffix("1") + "0"), **told}),
        ("stage.ended", {"job": other.hex, "traceparent": telemetry.order(other, None), **told}),
        ("stage.ended", {"job": other.hex, **told}),
    )
    assert collector.spans == []


def test_no_prompt_no_link_and_no_sentence_goes_out(collector: otlp.Collector) -> None:
    facts = {"reason": "secret-reason", "prompt": "secret-prompt", "url": "https://secret.example", "error": "secret"}
    heard(("stage.ended", {"job": uuid.uuid4().hex, "stage": "intake", "seconds": 1.0, **facts}))
    [span] = collector.spans
    assert "secret" not in repr(span)


def test_no_library_is_imported_for_it_where_nobody_collects_or_reads() -> None:
    program = (
        "import sys; from jobs import telemetry; from api.app import create_app; create_app(); telemetry.start('api');"
        "ours = ('opentelemetry.exporter', 'opentelemetry.sdk.trace', 'prometheus_client', 'jobs.telemetry.spans');"
        "print([name for name in sys.modules if name.startswith(ours)])"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(("variable", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")])
def test_opentelemetrys_own_switches_are_heeded(
    collector: otlp.Collector, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    assert telemetry.is_tracing()
    monkeypatch.setenv(variable, value)
    tracing.is_on.cache_clear()
    assert not telemetry.is_tracing()


def test_while_nothing_is_collected_a_callers_context_is_kept_for_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    tracing.is_on.cache_clear()
    settings.load.cache_clear()
    job = ids.new_id()
    assert (telemetry.order(job, GIVEN), telemetry.order(job, None)) == (GIVEN, None)
    assert traces.read(GIVEN) is not None
