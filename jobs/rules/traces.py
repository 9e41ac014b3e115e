"""Which trace a job belongs to and what its spans are called there: every process works it out alike, and asks nobody.

A trace context is W3C's `traceparent`. Where a caller sends none, the job's own id is the trace's, so that one finds
the other.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass

_GIVEN = re.compile(r"(?!ff)[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?:-.*)?")
_CHANCES = 1 << 56
"""So many values have the last bits of a trace that are drawn by chance, of a job's id too."""


@dataclass(frozen=True)
class Context:
    """A span that others belong to, and whether anybody wants to see them."""

    trace_id: int
    span_id: int
    is_wanted: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{self.is_wanted:02x}"


def read(traceparent: str | None) -> Context | None:
    """What a header says; None where it is absent or says nothing that can be."""
    found = _GIVEN.fullmatch(traceparent) if traceparent else None
    if found is None or ((traceparent or "")[:2] == "00" and found.end("flags") != len(found[0])):
        return None
    context = Context(int(found["trace"], 16), int(found["span"], 16), bool(int(found["flags"], 16) & 1))
    return context if context.trace_id and context.span_id else None


def of_job(job_id: uuid.UUID, given: str | None, share: float = 1.0) -> Context:
    """What all that happens to a job belongs to: the span of its order, in its caller's trace or in one of its own.

    `share` of the traces that are our own are wanted; of a caller's, the caller says so.
    """
    caller = read(given)
    if caller is None:
        return Context(job_id.int, span_id(job_id, "order"), is_drawn(job_id.int, share))
    return Context(caller.trace_id, span_id(job_id, "order"), caller.is_wanted)


def span_id(job_id: uuid.UUID, *what: object) -> int:
    """The same number for the same part of the same job, so that its parts can be told of before it has ended."""
    named = "/".join((job_id.hex, *map(str, what)))
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8]) or 1


def is_drawn(trace_id: int, share: float) -> bool:
    """Whether a trace is among the wanted share: every process that is asked says the same."""
    return trace_id % _CHANCES < share * _CHANCES
