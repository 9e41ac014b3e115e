"""`duologue cancel ID`: stop a job that is not wanted any more."""

from cli import door
from cli.options import DEFAULT_DATA, AsJson, DataDir, JobId
from cli.screen import say, show_json


def cancel(job_id: JobId, *, data: DataDir = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Cancel a job: at once while it waits; while it runs, as soon as its rendering is dead."""
    with door.find(data) as api:
        job = api.cancel(job_id)
    if as_json:
        show_json(job)
    elif job["status"] == "cancelled":
        say(f"Job {job_id} is cancelled.")
    else:
        say(f"Job {job_id} is told to stop; `duologue show {job_id}` says when it has.")
