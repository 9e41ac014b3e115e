"""`duologue batch`: many jobs as one order, from a table or a file of lines; followed, fetched and steered."""

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import batch_lines, door, fetching, progress, repeats
from cli.client import Api, Json, NoAnswer
from cli.failure import Failure
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import err, out, say, show_json
from jobs.rules.batches import FINAL

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Batches: many jobs as one order.")

_PAUSE_SECONDS = 0.5
_PATIENCE_SECONDS = 60.0
_SHOWN = 20

BatchId = Annotated[str, typer.Argument(metavar="ID", help="The 32 digits `duologue batch submit` printed.")]


@app.command()
def submit(
    source: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON lines, or a CSV.")],
    *,
    model: Annotated[str | None, typer.Option(help="For lines that name none, by its whole name.")] = None,
    engine: Annotated[str | None, typer.Option(help="For lines that name none: auto, gpu, cloud or preview.")] = None,
    priority: Annotated[int | None, typer.Option(help="For lines that name none; -100 to 100.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds of each voice, where a line does not say.")] = None,
    take_good: Annotated[bool, typer.Option("--take-good", help="Let a bad line stop only itself.")] = False,
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Judge and price all, run none.")] = False,
    budget: Annotated[float | None, typer.Option(metavar="USD", help="Refuse it if it costs more.")] = None,
    deadline: Annotated[int | None, typer.Option(metavar="SECONDS", help="What is not done by then fails.")] = None,
    webhook: Annotated[str | None, typer.Option(metavar="URL", help="Told once, when all of it is final.")] = None,
    key: Annotated[str | None, typer.Option(metavar="NAME", help="Idempotency-Key: sent twice, taken once.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    data: DataDir = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Hand in a batch and print its id once its lines are read; media that are files here are uploaded first."""
    options = {"engine": engine, "priority": priority, "duration_seconds": duration}
    form = {"budget_usd": budget, "deadline_seconds": deadline, "webhook": webhook}
    with door.find(data) as api:
        order = _given(form) | {
            "options": _given(options),
            "on_bad_lines": "take_good" if take_good else "reject_all",
            "validate_only": validate_only,
        }
        make = partial(_with_lines, api, order, source, model, take_good=take_good)
        if key:
            files = [source, *batch_lines.files(source, model)]
            likeness = repeats.likeness(order | {"model": model, "to": api.identity}, files)
            make = partial(repeats.same_or_new, data, key, likeness, make)
        batch = api.order("/v1/batches", make(), name=key)
        batch = _follow(api, batch, to_the_end=wait)
    _tell(batch, as_json=as_json)


@app.command()
def watch(batch_id: BatchId, *, data: DataDir = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Follow a batch to its end; ends with 1 unless it completes."""
    with door.find(data) as api:
        batch = _follow(api, _read(api, batch_id), to_the_end=True)
    _tell(batch, as_json=as_json)


@app.command()
def fetch(
    batch_id: BatchId,
    *,
    to: Annotated[Path | None, typer.Option(metavar="DIR", file_okay=False, help="Where to; default batch-ID.")] = None,
    parallel: Annotated[int, typer.Option(min=1, max=32, help="Downloads at once.")] = 4,
    data: DataDir = DEFAULT_DATA,
) -> None:
    """Save its videos and files; run again, it fetches what is missing and goes on with what was broken off."""
    folder = to or Path(f"batch-{batch_id}")
    with door.find(data) as api:
        batch = _read(api, batch_id)
        found = fetching.fetch(api, batch_id, folder, parallel)
        for file in batch["files"]:
            api.save(file["link"], folder / file["name"])
    say(f"{found.fetched} fetched, {found.present} were there already; {len(batch['files'])} files of the batch.")
    if found.failures:
        kept_back = f"{len(found.failures)} could not be fetched; run it again to go on."
        raise Failure(f"{found.failures[0]} {kept_back}")
    typer.echo(folder)


@app.command()
def pause(batch_id: BatchId, *, data: DataDir = DEFAULT_DATA) -> None:
    """Begin none of its jobs until it is resumed; those that run go on."""
    _steer(data, batch_id, "pause")


@app.command()
def resume(batch_id: BatchId, *, data: DataDir = DEFAULT_DATA) -> None:
    """Let a paused batch go on."""
    _steer(data, batch_id, "resume")


@app.command()
def cancel(batch_id: BatchId, *, data: DataDir = DEFAULT_DATA) -> None:
    """Stop a batch: what waits never begins, what runs is told."""
    _steer(data, batch_id, "cancel")


@app.command()
def retry(batch_id: BatchId, *, data: DataDir = DEFAULT_DATA) -> None:
    """Order its failed jobs once more, within what is left of its budget, and print the new batch's id."""
    with door.find(data) as api:
        batch = api.order(f"/v1/batches/{batch_id}/retry")
    typer.echo(batch["id"])


def _steer(data: Path, batch_id: str, verb: str) -> None:
    with door.find(data) as api:
        batch = api.ask("POST", f"/v1/batches/{batch_id}/{verb}")
    say(f"Batch {batch_id} is {'paused' if batch['paused_at'] and verb == 'pause' else batch['status']}.")


def _with_lines(api: Api, order: Json, source: Path, model: str | None, *, take_good: bool) -> Json:
    with tempfile.TemporaryDirectory(prefix="duologue-batch-") as folder:
        draft = Path(folder) / "lines.jsonl"
        batch_lines.prepare(api, source, draft, model, take_good=take_good)
        return order | {"input_file": api.upload(draft)}


def _follow(api: Api, batch: Json, *, to_the_end: bool) -> Json:
    """The batch once its lines are read, or once it is final; the API may be away for a while meanwhile."""
    heard_at = time.monotonic()
    with progress.shown(err, batch["status"]) as report:
        while batch["status"] not in (FINAL if to_the_end else FINAL | {"in_progress", "finalizing", "cancelling"}):
            report(batch["status"], _fraction(batch))
            time.sleep(_PAUSE_SECONDS)
            try:
                batch, heard_at = _read(api, batch["id"]), time.monotonic()
            except NoAnswer:
                if time.monotonic() - heard_at > _PATIENCE_SECONDS:
                    raise
        report(batch["status"], _fraction(batch))
    return batch


def _fraction(batch: Json) -> float:
    counts = batch["request_counts"]
    done: float = sum(counts[name] for name in ("completed", "failed", "cancelled")) / max(counts["total"], 1)
    return done


def _read(api: Api, batch_id: str) -> Json:
    return api.ask("GET", f"/v1/batches/{batch_id}")


def _tell(batch: Json, *, as_json: bool) -> None:
    if as_json:
        show_json(batch)
    else:
        _say(batch)
        out.print(batch["id"], markup=False)
    if batch["status"] in FINAL - {"completed"}:
        raise typer.Exit(1)


def _say(batch: Json) -> None:
    for problem in batch["errors"]["data"][:_SHOWN]:
        name = f" ({problem['custom_id']})" if problem["custom_id"] else ""
        say(f"line {problem['line']}{name}: {problem['message']}")
    if batch["bad_lines"] > _SHOWN:
        say(f"... and {batch['bad_lines'] - _SHOWN} more bad lines; `duologue batch fetch` saves all of them.")
    if batch["error"]:
        say(batch["error"])
    if batch["estimate"] and (batch["status"] not in FINAL or batch["validate_only"]):
        say(_estimated(batch["estimate"]))
    counted = [f"{count} {name}" for name, count in batch["request_counts"].items() if count and name != "total"]
    say(f"Batch {batch['status']}: {', '.join(counted) or 'no jobs'}, {batch['bad_lines']} bad lines.")


def _estimated(estimate: Json) -> str:
    price, seconds = estimate["price_usd"], estimate["seconds"]
    time_said = f"{seconds['least']:.0f} to {seconds['most']:.0f} s" if seconds else "a time nobody has measured yet"
    return f"Estimated: {price['least']:.2f} to {price['most']:.2f} USD, {time_said}."


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out what was not asked for: the API knows the defaults."""
    return {name: value for name, value in options.items() if value is not None}
