"""A collector of traces that speaks OTLP over HTTP, and remembers every span it was sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """One span as it came; times are Unix nanoseconds."""

    name: str
    program: str
    trace_id: str
    span_id: str
    parent_id: str
    began_at: int
    ended_at: int
    kind: int
    has_failed: bool
    attributes: dict[str, Any] = field(default_factory=dict)


class Collector(ThreadingHTTPServer):
    """Listens on a port of its own of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.spans: list[Seen] = []
        self.paths: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> list[Seen]:
        return [one for one in list(self.spans) if one.name == name]


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join(10)


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.paths.add(self.path)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            program = _plain(group.resource.attributes)["duologue.program"]
            self.server.spans += [_seen(one, program) for scope in group.scope_spans for one in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        """A test says itself what it wants to know."""


def _seen(span: Any, program: str) -> Seen:  # noqa: ANN401 - protobuf makes its classes as they are needed
    return Seen(
        name=span.name,
        program=program,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        began_at=span.start_time_unix_nano,
        ended_at=span.end_time_unix_nano,
        kind=span.kind,
        has_failed=span.status.code == span.status.STATUS_CODE_ERROR,
        attributes=_plain(span.attributes),
    )


def _plain(pairs: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
