"""Jobs as people read them in a terminal; knows the shape in which `/v1` shows a job."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from cli.client import Json
from cli.screen import moment
from cli.sheet import Sheet

_COLOURS = {"completed": "green", "failed": "red", "cancelled": "yellow", "running": "cyan", "forwarded": "cyan"}
_FAMILY = "wavespeed-ai/"


def jobs_sheet(jobs: list[Json]) -> Sheet:
    """Each job in short; the id comes whole, to be copied."""
    rows = [
        (
            job["id"],
            _status(job),
            job["model"].removeprefix(_FAMILY),
            job["engine"],
            _moment(job["created_at"]),
            _took(job),
            " ".join(job["tags"]),
        )
        for job in jobs
    ]
    return Sheet(("id", "status", "model", "engine", "created", "took", "tags"), rows)


def job_lines(job: Json) -> Iterator[Text]:
    """Everything an owner asks about one job; a link stays in one piece, to be copied."""
    facts: dict[str, Text | str | None] = {
        "id": job["id"],
        "status": _status(job),
        "stage": job["stage"],
        "why waiting": job["why_waiting"],
        "place": job["queue_position"] and f"{job['queue_position']} in line",
        "begins": _expected(job["estimated_start_at"], job["estimated_start_between"]),
        "ends": _expected(job["estimated_end_at"], job["estimated_end_between"]),
        "costs": _price(job["estimated_price_usd"]),
        "to be stopped": None if job["finished_at"] else _moment(job["cancel_requested_at"]),
        "error": _error(job),
        "model": job["model"],
        "engine": f"{job['engine']} ({job['engine_reason']})",
        "attempts": str(job["attempts"]),
        "priority": str(job["priority"]),
        "tags": " ".join(job["tags"]),
        "created": _moment(job["created_at"]),
        "started": _moment(job["started_at"]),
        "finished": _moment(job["finished_at"]),
        "took": _took(job),
        "seed": str(job["seed"]),
        **{name: str(value) for name, value in job["inputs"].items() if name != "seed"},
        **{f"warning {number}": warning for number, warning in enumerate(job["warnings"], 1)},
        "video": _video(job),
        "link": (job["output"] or {}).get("link"),
    }
    for name, fact in facts.items():
        if fact:
            yield Text(f"{name:<13} ", style="dim") + Text(style="not dim").append(fact)


def timeline_table(job: Json) -> Table:
    table = Table("at", "what happened", "status", "attempt", box=None, pad_edge=False)
    for event in job["timeline"]:
        table.add_row(_moment(event["at"]), event["kind"], event["status"], str(event["attempt"]))
    return table


def why_it_failed(job: Json) -> str:
    """A sentence about a final job that has no video."""
    return f"Job {job['id']} was {job['status']}." if job["error"] is None else f"The job failed: {_error(job)}"


def _status(job: Json) -> Text:
    status = job["status"]
    text = f"{status} {job['progress']:.0%}" if status in {"running", "forwarded"} else status
    return Text(text, style=_COLOURS.get(status, ""))


def _error(job: Json) -> str | None:
    error = job["error"]
    return error and f"{error['message']} (code {error['code']}, {error['error_class']})"


def _video(job: Json) -> str | None:
    output = job["output"]
    return output and f"{output['width']} x {output['height']}, {output['seconds']:.1f} s, {output['bytes']:,} bytes"


def _took(job: Json) -> str:
    """From acceptance to the end, or to now."""
    until = _instant(job["finished_at"]) or datetime.now(UTC)
    created = _instant(job["created_at"]) or until
    return f"{(until - created).total_seconds():.1f} s"


def _moment(text: str | None) -> str:
    return moment(_instant(text))


def _expected(text: str | None, between: Json | None) -> str:
    if not text or not between:
        return ""
    return f"about {_moment(text)}, from {_moment(between['earliest'])} to {_moment(between['latest'])}"


def _price(price_usd: Json | None) -> str:
    if price_usd is None:
        return ""
    least, most = (f"{price_usd[name]:.2f}" for name in ("least", "most"))
    return f"{least} USD" if least == most else f"{least} to {most} USD, by how long its voices turn out"


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
