"""Turns events into log lines; the only module that knows there are logs. Each of a job says its trace too."""

import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime

import structlog
from structlog.typing import FilteringBoundLogger

from jobs import events, settings
from jobs.rules import traces

_PLAIN = "%(levelname)s %(name)s: %(message)s"
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
        "scratch.full",
        "operator.refused",
    }
)
_ERRORS = frozenset({"request.crashed", "job.crashed"})
_QUIET = frozenset(
    {"order.answered", "stage.ended", "attempt.ended", "upstream.sent", "upstream.ended", "webhook.posted"}
)
"""What is told for the sake of traces: the moves of jobs say as much in the log."""
_OF_TRACES = frozenset({"traceparent"})

_log: FilteringBoundLogger = structlog.get_logger()


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
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=_PLAIN, force=True)
    if is_json:
        logging.getLogger().handlers[0].setFormatter(_JsonLine(program))
    global _log  # noqa: PLW0603 - one for the whole process
    _log = structlog.get_logger().bind()  # once, and not for every line
    events.listen(_write)


class _JsonLine(logging.Formatter):
    """What libraries log, as the same kind of line."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": "library.said",
            "logger": record.name,
            "message": record.getMessage(),
            "program": self._program,
        }
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts)


def _write(name: str, facts: dict[str, object]) -> None:
    if name in _QUIET:
        return
    if given := facts.get("traceparent"):
        context = traces.read(str(given))
        facts = {key: value for key, value in facts.items() if key not in _OF_TRACES}
        facts |= {"trace_id": f"{context.trace_id:032x}"} if context else {}
    level = _log.error if name in _ERRORS else _log.warning if _is_warning(name) else _log.info
    # What was committed is true whether or not a full disk or a closed pipe lets us say so.
    with suppress(OSError, ValueError):
        level(name, **facts)


def _is_warning(name: str) -> bool:
    return name in _WARNINGS or name.endswith(".failed")
