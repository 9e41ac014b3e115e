"""Turns events into log lines and spans, and numbers into metrics; the only place that knows what those are called."""

from jobs.telemetry.start import start
from jobs.telemetry.tracing import is_on as is_tracing
from jobs.telemetry.tracing import order

__all__ = ["is_tracing", "order", "start"]
