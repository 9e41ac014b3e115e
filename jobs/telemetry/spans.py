"""Makes spans of events and sends them by OTLP; imported only where somebody collects them.

All that is told has happened already, so that a span is made whole: it ends when it is told of and began as many
seconds before. Only what is named here goes out: no prompt, no link, no sentence of an error.
"""

import atexit
import logging
import os
import time
import uuid
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from jobs.rules import traces
from jobs.rules.traces import Context
from jobs.telemetry import tracing

_TELLABLE: Final = {
    "job": "duologue.job.id",
    "model": "duologue.model",
    "engine": "duologue.engine",
    "attempt": "duologue.attempt",
    "worker": "duologue.worker",
    "outcome": "duologue.outcome",
    "error_class": "error.type",
    "delivery": "duologue.delivery.id",
    "about": "duologue.webhook.about",
    "tries": "duologue.webhook.try",
    "route": "http.route",
    "status": "http.response.status_code",
}
"""The facts that are told, and what they are called."""


@dataclass(frozen=True)
class _Shape:
    """What a kind of event becomes: `name` may be the name of a fact, and `seconds` is the fact that says how long."""

    name: str
    kind: SpanKind = SpanKind.INTERNAL
    seconds: str = "seconds"


_SHAPES: Final = {
    "order.answered": _Shape("submit", SpanKind.SERVER),
    "job.claimed": _Shape("wait", seconds="waited_seconds"),
    "job.forwarded": _Shape("wait", seconds="waited_seconds"),
    "attempt.ended": _Shape("attempt", SpanKind.CONSUMER),
    "stage.ended": _Shape("{stage}"),
    "upstream.sent": _Shape("upstream submit", SpanKind.CLIENT),
    "upstream.ended": _Shape("upstream wait", SpanKind.CLIENT),
    "webhook.posted": _Shape("webhook delivery", SpanKind.CLIENT),
}


class Collector:
    """Sends what becomes a span, in batches and from a thread of its own; what cannot be sent is lost, and no more."""

    def __init__(self, program: str) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "duologue"}
        self._resource = Resource.create(named | {"service.version": version("duologue"), "duologue.program": program})
        self._scope = InstrumentationScope("duologue", version("duologue"))
        self._batches = BatchSpanProcessor(OTLPSpanExporter(endpoint=tracing.endpoint(), timeout=5))

    def hear(self, name: str, facts: dict[str, object]) -> None:
        """Make a span of the event if it becomes one, and its job's trace is wanted."""
        shape, job = _SHAPES.get(name), facts.get("job")
        if shape is None or not isinstance(job, str):
            return
        job_id = uuid.UUID(job)
        stored = traces.read(str(facts.get("traceparent") or ""))
        context = stored or Context(job_id.int, 0, traces.is_drawn(job_id.int, tracing.share()))
        if context.is_wanted:
            self._batches.on_end(self._span(shape, facts, job_id, context))

    def close(self) -> None:
        """Send what is left."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]  # the library leaves it untyped

    def _span(self, shape: _Shape, facts: dict[str, object], job_id: uuid.UUID, context: Context) -> ReadableSpan:
        ended_at = time.time_ns()
        seconds = facts.get(shape.seconds)
        began_at = ended_at - round(seconds * 1e9) if isinstance(seconds, float | int) else ended_at
        own, parent = _family(shape, facts, job_id, context, ended_at)
        has_failed = bool(facts.get("error_class")) or facts.get("outcome") == "failed"
        return ReadableSpan(
            name=shape.name.format(**facts),
            context=_seen(context, own),
            parent=_seen(context, parent) if parent else None,
            resource=self._resource,
            attributes={_TELLABLE[key]: _plain(value) for key, value in facts.items() if key in _TELLABLE and value},
            kind=shape.kind,
            status=Status(StatusCode.ERROR) if has_failed else Status(),
            start_time=began_at,
            end_time=ended_at,
            instrumentation_scope=self._scope,
        )


@cache
def collector(program: str) -> Collector:
    """The one of this process, closed at its end."""
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # it says every retry; that it failed is enough
    made = Collector(program)
    atexit.register(made.close)
    return made


def _family(
    shape: _Shape, facts: dict[str, object], job_id: uuid.UUID, context: Context, ended_at: int
) -> tuple[int, int]:
    """The span's own number and its parent's; 0 is none. A stage belongs to its attempt, all else to the order."""
    attempt = traces.span_id(job_id, "attempt", facts.get("fence"))
    match shape.name:
        case "submit":
            caller = traces.read(str(facts.get("caller") or ""))
            return context.span_id, caller.span_id if caller else 0
        case "attempt":
            return attempt, context.span_id
        case "{stage}":
            return traces.span_id(job_id, facts["stage"], ended_at), attempt
    return traces.span_id(job_id, shape.name, ended_at), context.span_id


def _seen(context: Context, span_id: int) -> SpanContext:
    return SpanContext(context.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _plain(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else str(value)
