"""An order whose answer is lost is sent again under its name, so that nobody pays twice for a connection that broke."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from cli import client
from cli.client import Api, Json, NoAnswer, NobodyThere
from cli.main import app
from jobs import batches, lifecycle
from tests import factories
from tests.api.open_door import served
from tests.conftest import Member
from tests.free_ports import free_port

Desk = Callable[..., Result]


@pytest.fixture
def desk(bucket: str, member: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(client, "_PAUSE_SECONDS", 0.01)
    with served(create_app()) as url:
        monkeypatch.setenv("DUOLOGUE_API_URL", url)
        monkeypatch.setenv("DUOLOGUE_API_KEY", member.key)
        yield lambda *words: CliRunner().invoke(app, words)


@pytest.fixture
def lose(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the answers to so many orders be lost on their way."""
    ask = Api.ask

    def losing(count: int) -> None:
        left = iter(range(count))

        def unheard(api: Api, method: str, path: str, **request: object) -> Json:
            answer = ask(api, method, path, **request)
            if method == "POST" and "/uploads" not in path and next(left, None) is not None:
                raise NoAnswer("The answer was lost.")
            return answer

        monkeypatch.setattr(Api, "ask", unheard)

    return losing


def test_a_job_whose_answer_was_lost_is_ordered_once(desk: Desk, lose: Callable[[int], None]) -> None:
    lose(2)
    links = [word for field in ("image", "audio") for word in (f"--{field}", f"https://x.example/{field}")]
    said = desk("submit", "infinitetalk", *links, "--engine", "preview")

    assert said.exit_code == 0, said.output
    assert [said.stdout.strip()] == ids_of_jobs(desk)


def test_a_rerun_whose_answer_was_lost_is_one_job(desk: Desk, member: Member, lose: Callable[[int], None]) -> None:
    job = factories.submit(member.caller)
    lifecycle.cancel(member.caller, job.id)
    lose(1)

    assert desk("rerun", job.id.hex).exit_code == 0
    assert len(ids_of_jobs(desk)) == 2


def test_a_batch_whose_answer_was_lost_is_one_batch(
    desk: Desk, member: Member, lose: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps(factories.line("a")))
    monkeypatch.setattr("cli.batch._follow", lambda _api, batch, **_: batch)
    lose(1)

    assert desk("batch", "submit", str(lines)).exit_code == 0
    assert len(batches.page(member.caller)) == 1


def test_who_gives_up_says_that_the_order_may_have_been_taken(
    desk: Desk, member: Member, lose: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = factories.submit(member.caller)
    lifecycle.cancel(member.caller, job.id)
    monkeypatch.setattr(client, "_ANSWER_SECONDS", 0.0)
    lose(100)
    refused = desk("rerun", job.id.hex)

    assert refused.exit_code == 1
    assert "look with `duologue jobs` before you send it again" in refused.stderr


def test_where_nobody_is_nothing_can_have_been_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIND_SECONDS", 0.0)
    with Api(f"http://127.0.0.1:{free_port()}", "key", "") as api, pytest.raises(NobodyThere) as caught:
        api.rerun("0" * 32)
    assert "duologue jobs" not in str(caught.value)


def ids_of_jobs(desk: Desk) -> list[str]:
    return [job["id"] for job in json.loads(desk("jobs", "--json").stdout)["jobs"]]
