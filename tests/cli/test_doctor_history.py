"""`duologue doctor --history`: the promises, judged by what really happened."""

import json
from typing import Any

from sqlalchemy import delete
from typer.testing import CliRunner

from cli.main import app
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.tables import Event
from tests import factories


def judged() -> tuple[int, dict[str, dict[str, Any]]]:
    looked = CliRunner().invoke(app, ["doctor", "--history", "--json"])
    return looked.exit_code, {line["check"]: line for line in json.loads(looked.stdout)}


def test_promises_without_a_subject_are_not_praised(caller: Caller, bucket: str) -> None:
    factories.submit(caller)
    status, lines = judged()
    assert status == 0
    assert lines["promise I1"]["says"].startswith("holds, by 1")
    assert lines["promise I5"]["says"].startswith("no subject")


def test_a_broken_promise_is_a_failure_that_names_the_job(caller: Caller, bucket: str) -> None:
    job = factories.submit(caller)
    with transaction() as session:
        session.execute(delete(Event))
    status, lines = judged()
    assert status == 1
    assert lines["promise I1"]["verdict"] == "failure"
    assert job.id.hex in lines["promise I1"]["says"]
