"""Promises of `duologue cancel` and `duologue rerun`, and of what `duologue show` says of a job that waits."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from cli.main import app
from jobs import lifecycle, listing
from tests import factories
from tests.api.open_door import served
from tests.conftest import Member

Desk = Callable[..., Result]


@pytest.fixture
def desk(database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with served(create_app()) as url:
        monkeypatch.setenv("DUOLOGUE_API_URL", url)
        monkeypatch.setenv("DUOLOGUE_API_KEY", member.key)
        yield lambda *words: CliRunner().invoke(app, words)


def test_cancel_stops_a_waiting_job(desk: Desk, member: Member) -> None:
    job = factories.submit(member.caller)
    said = desk("cancel", job.id.hex)
    assert (said.exit_code, said.stderr) == (0, f"Job {job.id.hex} is cancelled.\n")
    assert listing.job(member.caller, job.id).status == "cancelled"


def test_cancel_says_that_a_running_job_is_not_dead_yet(desk: Desk, member: Member) -> None:
    job = factories.submit(member.caller)
    factories.claim()
    assert "is told to stop" in desk("cancel", job.id.hex).stderr
    assert "to be stopped" in desk("show", job.id.hex).stdout


def test_cancel_of_a_finished_job_is_refused_with_a_sentence(desk: Desk, member: Member) -> None:
    job = factories.submit(member.caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim))
    refused = desk("cancel", job.id.hex)
    assert (refused.exit_code, refused.stderr.startswith("error: The job has completed")) == (1, True)


def test_rerun_prints_the_new_jobs_id_alone(desk: Desk, member: Member) -> None:
    job = factories.submit(member.caller)
    lifecycle.cancel(member.caller, job.id)
    said = desk("rerun", job.id.hex)
    assert (said.exit_code, said.stderr) == (0, "")
    assert listing.job(member.caller, uuid.UUID(said.stdout.strip())).rerun_of == job.id


def test_show_says_where_a_job_stands_and_why_it_waits(desk: Desk, member: Member) -> None:
    factories.submit(member.caller)
    said = desk("show", factories.submit(member.caller).id.hex).stdout
    assert "2 in line" in said
    assert "No worker with the preview engine" in said
