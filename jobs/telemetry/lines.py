"""Turns events into log lines; the only module that knows there are logs."""

import logging
import sys
from contextlib import suppress

import structlog

from jobs import events, settings

_WARNINGS = frozenset(
    {
        "batch.stumbled",
        "job.stumbled",
        "job.rescued",
        "chore.failed",
        "lease.lost",
        "webhook.given_up",
        "webhook.disabled",
        "engine.shut",
        "engine.unfit",
        "operator.refused",
    }
)
_ERRORS = frozenset({"request.crashed", "job.crashed"})


def start(program: str) -> None:
    """Begin to write this process's events as log lines on standard error, each with `program` in it."""
    is_json = settings.load().log_format == "json"
    structlog.configure(
        processors=[
            lambda _log, _method, facts: {**facts, "program": program},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if is_json
            else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True
    )
    events.listen(_write)


def _write(name: str, facts: dict[str, object]) -> None:
    log = structlog.get_logger()
    level = log.error if name in _ERRORS else log.warning if _is_warning(name) else log.info
    # What was committed is true whether or not a full disk or a closed pipe lets us say so.
    with suppress(OSError, ValueError):
        level(name, **facts)


def _is_warning(name: str) -> bool:
    return name in _WARNINGS or name.endswith(".failed")
