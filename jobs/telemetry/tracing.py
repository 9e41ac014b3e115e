"""Whether spans are collected, where they go, and to which trace an order belongs; imports no library for it."""

import os
import uuid
from functools import cache

from jobs import settings
from jobs.rules import traces

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@cache
def is_on() -> bool:
    """Whether there is anywhere for spans to go: by our setting, or by OpenTelemetry's own variables."""
    is_off = (
        os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    )
    return not is_off and bool(settings.load().traces_url or any(map(os.environ.get, _ENDPOINTS)))


def endpoint() -> str | None:
    """Where spans are posted to; None leaves it to OpenTelemetry's variables."""
    url = settings.load().traces_url
    return f"{url}/v1/traces" if url else None


@cache
def share() -> float:
    """How much of the traces that callers did not begin is wanted, by OpenTelemetry's variables."""
    sampler = os.environ.get("OTEL_TRACES_SAMPLER", "").removeprefix("parentbased_")
    if sampler == "traceidratio":
        return float(os.environ.get("OTEL_TRACES_SAMPLER_ARG") or 1.0)
    return 0.0 if sampler == "always_off" else 1.0


def order(job_id: uuid.UUID, given: str | None) -> str | None:
    """The trace context to write down with an order: its own while spans are collected, else what its caller sent."""
    if is_on():
        return str(traces.of_job(job_id, given, share()))
    caller = traces.read(given)
    return None if caller is None else str(caller)
