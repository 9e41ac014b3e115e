"""Promises about log lines for machines: one JSON object each, with the job and the trace it belongs to."""

import json
import subprocess
import sys

TRACE = "0af7651916cd43dd8448eb211c80319c"
PROGRAM = f"""
import logging
from jobs import events, telemetry
telemetry.start("tests")
with events.about(job="j-1", attempt=2, traceparent="00-{TRACE}-b7ad6b7169203331-01"):
    events.emit("storing.failed", reason="the bucket is away")
    events.emit("stage.ended", stage="render", seconds=1.0)
events.emit("chore.done", chore="rescue", done=1)
logging.getLogger("celery").warning("said %s", "something")
"""


def test_lines_for_machines_say_job_and_trace_and_libraries_speak_alike() -> None:
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        env={"DUOLOGUE_LOG_FORMAT": "json", "PYTHONPATH": "."},
    )
    stored, chore, library = map(json.loads, found.stderr.splitlines())
    assert (stored["event"], stored["level"], stored["program"]) == ("storing.failed", "warning", "tests")
    assert (stored["job"], stored["attempt"], stored["trace_id"]) == ("j-1", 2, TRACE)
    assert "traceparent" not in stored
    assert chore.keys() == {"event", "chore", "done", "program", "level", "timestamp"}
    assert (library["logger"], library["message"], library["level"]) == ("celery", "said something", "warning")
    assert library["timestamp"].endswith("Z")
