"""Waits for a job to be final, showing how far it is; the API may be away for a while meanwhile."""

import time

from cli import progress, view
from cli.client import Api, Json, NoAnswer
from cli.failure import Failure
from cli.progress import Report
from cli.screen import err
from jobs.rules.states import FINAL

_PAUSE_SECONDS = 0.25
_PATIENCE_SECONDS = 60.0


class JobFailed(Failure):
    """The job has come to another end than a video."""


def follow(api: Api, job: Json) -> Json:
    """The job once it is final, whatever its end, with its progress shown on the way."""
    with progress.shown(err, job["status"]) as report:
        return _until_final(api, job, report)


def link_to_video(job: Json) -> str:
    """Where a completed job's video is. Raises Failure, saying why, when there is none."""
    if job["status"] != "completed":
        raise JobFailed(view.why_it_failed(job))
    if job["output"] is None:
        raise Failure("The video is no longer kept.")
    link: str = job["output"]["link"]
    return link


def _until_final(api: Api, job: Json, report: Report) -> Json:
    heard_at = time.monotonic()
    while job["status"] not in FINAL:
        report(job["stage"] or job["status"], job["progress"])
        time.sleep(_PAUSE_SECONDS)
        try:
            job, heard_at = api.job(job["id"]), time.monotonic()
        except NoAnswer:
            if time.monotonic() - heard_at > _PATIENCE_SECONDS:
                raise
    report(job["status"], 1.0 if job["status"] == "completed" else job["progress"])
    return job
