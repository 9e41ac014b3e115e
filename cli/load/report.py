"""What a load came to, in figures."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from cli.client import Json
from cli.load.driving import Record
from cli.screen import out

_PARTS = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def figures(record: Record) -> Json:
    """Counts, rates and percentiles; spans in seconds, those of jobs by the deployment's own clock."""
    jobs = list(record.jobs.values())
    return {
        "accepted": len(record.accepted),
        "accepted_per_second": round(len(record.accepted) / max(record.ordering_seconds, 1e-9), 1),
        "refused": Counter(record.refused),
        "statuses": Counter(job["status"] for job in jobs),
        "errors": Counter(job["error"]["error_class"] for job in jobs if job["error"]),
        "finished_per_second": _finished_per_second(jobs),
        "order_seconds": _percentiles(record.order_seconds),
        "poll_seconds": _percentiles(record.poll_seconds),
        "wait_seconds": _percentiles(_spans(jobs, "created_at", "started_at")),
        "run_seconds": _percentiles(_spans(jobs, "started_at", "finished_at")),
        "total_seconds": _percentiles(_spans(jobs, "created_at", "finished_at")),
    }


def show(found: Json, broken: Sequence[str]) -> None:
    """For people: a table of spans, then what was broken."""
    table = Table("", *_PARTS, title="seconds", title_justify="left")
    for name in ("order", "poll", "wait", "run", "total"):
        spans = found[f"{name}_seconds"]
        table.add_row(name, *(f"{spans[part]:.3f}" if spans else "" for part in _PARTS))
    out.print(table)
    out.print(f"{found['accepted']} accepted, {found['accepted_per_second']} a second; ", end="")
    out.print(", ".join(f"{count} {status}" for status, count in found["statuses"].items()) or "none seen", end="")
    out.print(f"; {found['finished_per_second']} finished a second")
    for title in ("refused", "errors"):
        for reason, count in found[title].most_common(5):
            out.print(f"{title}: {count} x {reason}", markup=False)
    for sentence in broken:
        out.print(f"broken: {sentence}", markup=False)
    if not broken:
        out.print("Every promise was kept: each order one job, each job one end.")


def _percentiles(spans: Sequence[float]) -> dict[str, float]:
    ordered = sorted(spans)
    return {name: round(ordered[int(len(ordered) * part)], 4) for name, part in _PARTS.items()} if ordered else {}


def _spans(jobs: Sequence[Json], first: str, last: str) -> list[float]:
    return [(_at(job[last]) - _at(job[first])).total_seconds() for job in jobs if job[first] and job[last]]


def _finished_per_second(jobs: Sequence[Json]) -> float:
    ended = sorted(_at(job["finished_at"]) for job in jobs if job["finished_at"])
    begun = min((_at(job["created_at"]) for job in jobs), default=None)
    span = (ended[-1] - begun).total_seconds() if ended and begun else 0.0
    return round(len(ended) / span, 2) if span else 0.0


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
