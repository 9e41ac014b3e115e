"""`duologue rerun ID`: the same order once more, as a new job."""

import typer

from cli import door
from cli.options import DEFAULT_DATA, AsJson, DataDir, JobId
from cli.screen import show_json


def rerun(job_id: JobId, *, data: DataDir = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Run a finished job again, whatever its end, and print the new job's id."""
    with door.find(data) as api:
        job = api.rerun(job_id)
    show_json(job) if as_json else typer.echo(job["id"])
