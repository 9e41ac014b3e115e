"""`duologue show ID`: one job with everything that happened to it."""

from cli import door, view
from cli.options import DEFAULT_DATA, AsJson, DataDir, JobId
from cli.screen import out, show_json


def show(job_id: JobId, *, data: DataDir = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show one job, its outlook and its timeline."""
    with door.find(data) as api:
        job = api.job(job_id)
    if as_json:
        show_json(job)
        return
    for line in view.job_lines(job):
        out.print(line, soft_wrap=True)
    out.print()
    out.print(view.timeline_table(job))
