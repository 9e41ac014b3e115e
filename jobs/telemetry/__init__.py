"""Turns events into log lines and spans, and numbers into metrics; the only place that knows what those are called."""

from jobs.telemetry.start import start

__all__ = ["start"]
