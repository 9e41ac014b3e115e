"""`duologue costs`: what jobs brought in, what they cost us, and what may have been paid for nothing."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from cli import reach
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, say, show_json
from cli.sheet import Sheet
from jobs import clock, ids, margins
from jobs.database import transaction
from jobs.errors import NotFound
from jobs.margins import EngineMargin, JobMargin
from jobs.tables import UpstreamTry

_MONEY = ("price", "cost", "margin")


def costs(
    *,
    days: Annotated[float, typer.Option(min=0.01, help="What was finished in so many days.")] = 30,
    job: Annotated[str, typer.Option(metavar="ID", help="Only this job, with every try at the upstream.")] = "",
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show price, cost and margin in USD, by engine or of one job; the upstream's bill has the last word on cost."""
    with reach.current_database(data):
        rows, unproven = ([_of_job(job)], []) if job else _by_engine(days)
    if as_json:
        show_json({"costs": rows, "possibly_charged": unproven})
        return
    for row in rows:
        out.print(_sheet(row) if "tries" in row else "", soft_wrap=True)
    if not job:
        out.print(Sheet(("engine", "jobs", "completed", "video", *_MONEY), [_line(row) for row in rows]))
    for one in unproven:
        say(f"Possibly charged: job {one['job']}, {one['expected_usd']:.2f} USD at {one['made_at']}")


def _by_engine(days: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with transaction() as session:
        found = margins.by_engine(session, clock.now() - timedelta(days=days))
        return [_engine(one) for one in found], [_try(one) for one in margins.unproven(session)]


def _of_job(text: str) -> dict[str, Any]:
    job_id = ids.parse(text)
    with transaction() as session:
        found = margins.of_job(session, job_id) if job_id else None
    if found is None:
        raise NotFound("There is no such job.")
    return _job(found)


def _engine(one: EngineMargin) -> dict[str, Any]:
    return {
        "engine": one.engine,
        "jobs": one.jobs,
        "completed": one.completed,
        "video_seconds": one.video_seconds,
        "price_usd": float(one.price_usd),
        "cost_usd": float(one.cost_usd),
        "margin_usd": float(one.margin_usd),
    }


def _job(one: JobMargin) -> dict[str, Any]:
    return {
        "job": one.id.hex,
        "engine": one.engine,
        "status": one.status,
        "price_usd": float(one.price_usd),
        "cost_usd": float(one.cost_usd),
        "margin_usd": float(one.margin_usd),
        "tries": [_try(each) for each in one.tries],
    }


def _try(one: UpstreamTry) -> dict[str, Any]:
    return {
        "job": one.job_id.hex,
        "attempt": one.attempt,
        "upstream_key": one.upstream_key,
        "upstream_id": one.upstream_id,
        "made_at": one.made_at,
        "outcome": one.outcome or "open",
        "reason": one.reason,
        "expected_usd": float(one.expected_usd),
        "charged_usd": None if one.charged_usd is None else float(one.charged_usd),
        "cost_usd": float(one.cost_usd),
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    money = (f"{row[f'{name}_usd']:.2f}" for name in _MONEY)
    return (row["engine"], str(row["jobs"]), str(row["completed"]), f"{row['video_seconds']:.0f} s", *money)


def _sheet(row: dict[str, Any]) -> Sheet:
    """A job, and below it every try."""
    whole = (row["job"], row["status"], "", *(f"{row[f'{name}_usd']:.2f}" for name in _MONEY))
    tries = [
        (one["upstream_id"] or "not known", one["outcome"], one["reason"], "", f"{one['cost_usd']:.2f}", "")
        for one in row["tries"]
    ]
    return Sheet(("job", "state", "why", *_MONEY), [whole, *tries])
