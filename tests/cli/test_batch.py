"""Promises of `duologue batch`: a table becomes a batch, its videos are fetched, and what was broken off goes on."""

import csv
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from cli import batch as commands
from cli import client
from cli.client import Api, Json, NoAnswer
from cli.main import app
from jobs import batches
from jobs import database as ours
from tests import factories
from tests.api.open_door import served
from tests.api.rendering import VIDEO, complete
from tests.conftest import Member
from workers import batching as worker

Desk = Callable[..., Result]


@pytest.fixture
def desk(bucket: str, member: Member, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    ours.engine()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "_PAUSE_SECONDS", 0.05)
    with served(create_app()) as url:
        monkeypatch.setenv("DUOLOGUE_API_URL", url)
        monkeypatch.setenv("DUOLOGUE_API_KEY", member.key)
        yield lambda *words: CliRunner().invoke(app, ("batch", *words))


@contextmanager
def reading() -> Iterator[None]:
    """A worker reads and closes batches meanwhile."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            worker.read_all()
            worker.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def a_table(folder: Path, count: int) -> Path:
    """Rows that share a picture and two voices, which lie beside the table."""
    (folder / "media").mkdir()
    for name in ("two.png", "left.wav", "right.wav"):
        (folder / "media" / name).write_bytes(b"not looked at here")
    path = folder / "table.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["custom_id", "image", "left_audio", "right_audio", "prompt", "duration_seconds"])
        for number in range(count):
            media = ["media/two.png", "media/left.wav", "https://x.example/right.wav"]
            table.writerow([f"scene {number}/a", *media, "two\nlines", "6.9"])
    return path


def test_a_table_is_submitted_followed_and_fetched_and_what_broke_off_goes_on(
    desk: Desk, member: Member, tmp_path: Path
) -> None:
    table = a_table(tmp_path, 3)
    with reading():
        said = desk("submit", str(table), "--model", factories.MULTI)
        assert said.exit_code == 0, said.output
        batch_id = said.stdout.strip()
        jobs = batches.jobs_of(member.caller, batches.page(member.caller)[0].batch.id)
        assert [job.custom_id for job in jobs] == ["scene 0/a", "scene 1/a", "scene 2/a"]
        assert len({job.inputs["image"] for job in jobs}) == 1, "each file is uploaded once"
        assert "/uploads/" in jobs[0].inputs["image"]
        assert jobs[0].inputs["prompt"] == "two\nlines"
        for _ in range(3):
            complete(tmp_path)
        followed = desk("watch", batch_id)
    assert followed.exit_code == 0, followed.output
    assert "Batch completed: 3 completed, 0 bad lines." in followed.stderr
    fetched = desk("fetch", batch_id, "--to", "videos", "--parallel", "2")
    assert (fetched.exit_code, fetched.stdout.strip()) == (0, "videos"), fetched.output
    folder = tmp_path / "videos"
    names = ["00001-scene_0_a.mp4", "00002-scene_1_a.mp4", "00003-scene_2_a.mp4"]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "manifest.csv", "results.jsonl"]
    (folder / names[0]).unlink()
    (folder / f".{names[0]}.part").write_bytes(VIDEO[:10])
    (folder / names[1]).unlink()
    (folder / f".{names[1]}.part").write_bytes(b"something else" + VIDEO[14:])
    again = desk("fetch", batch_id, "--to", "videos")
    assert again.exit_code == 1
    assert "not what it should be" in again.stderr
    assert (folder / names[0]).read_bytes() == VIDEO, "it went on where it broke off"
    assert desk("fetch", batch_id, "--to", "videos").exit_code == 0
    assert (folder / names[1]).read_bytes() == VIDEO
    assert "0 fetched, 3 were there already" in desk("fetch", batch_id, "--to", "videos").stderr


def test_the_same_table_under_the_same_name_is_the_same_batch_and_another_table_is_refused(
    desk: Desk, member: Member, tmp_path: Path
) -> None:
    table, words = a_table(tmp_path, 2), ("--model", factories.MULTI, "--key", "monday")
    with reading():
        first, again = (desk("submit", str(table), *words) for _ in range(2))
        (tmp_path / "media" / "left.wav").write_bytes(b"another voice")
        other = desk("submit", str(table), *words)

    assert first.exit_code == again.exit_code == 0, again.output
    assert first.stdout == again.stdout
    assert len(batches.page(member.caller)) == 1
    assert other.exit_code == 1
    assert "another body" in other.output


def test_a_batch_whose_answer_was_lost_is_taken_once(
    desk: Desk, member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, words = a_table(tmp_path, 2), ("--model", factories.MULTI, "--key", "monday")
    ask = Api.ask

    def unheard(api: Api, method: str, path: str, **request: object) -> Json:
        answer = ask(api, method, path, **request)
        if path == "/v1/batches":
            raise NoAnswer("The answer was lost.")
        return answer

    with reading():
        with monkeypatch.context() as patched:
            patched.setattr(Api, "ask", unheard)
            patched.setattr(client, "_ANSWER_SECONDS", 0.0)
            assert desk("submit", str(table), *words).exit_code == 1
        again = desk("submit", str(table), *words)

    assert again.exit_code == 0, again.output
    [one] = batches.page(member.caller)
    assert again.stdout.strip() == one.batch.id.hex


def test_bad_lines_are_told_and_nothing_is_run(desk: Desk, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text("\n".join([json.dumps(factories.line("a")), "nope", json.dumps(factories.line("a"))]))
    with reading():
        said = desk("submit", str(lines))
        judged = desk("submit", str(lines), "--validate-only")
    assert said.exit_code == 1
    assert "line 2: The line is not JSON" in said.stderr
    assert "line 3 (a): custom_id a is that of line 1 already." in said.stderr
    assert "2 lines cannot be taken, so none was" in said.stderr
    assert judged.exit_code == 0
    assert "Estimated: 0.00 to 0.00 USD" in judged.stderr


@pytest.mark.parametrize("name", ["gone.flac", "left", "~nobody-here/x.wav"])
def test_a_file_that_is_not_beside_the_table_is_named_and_nothing_is_ordered(
    desk: Desk, member: Member, tmp_path: Path, name: str
) -> None:
    table = a_table(tmp_path, 2)
    table.write_text(table.read_text("utf-8-sig").replace("media/left.wav", name, 1))
    with reading():
        refused = desk("submit", str(table), "--model", factories.MULTI)
        assert batches.page(member.caller) == []
        said = desk("submit", str(table), "--model", factories.MULTI, "--take-good")
    assert refused.exit_code == 1
    assert f"line 1: left_audio: there is no file {name} beside table.csv." in refused.stderr
    assert "line 1 (scene 0/a): left_audio must be" in said.stderr
    assert "1 waiting, 1 bad lines" in said.stderr


def test_media_in_the_lines_themselves_are_not_taken_for_names(desk: Desk, tmp_path: Path) -> None:
    inputs = {
        "image": "https://x.example/a.png",
        "left_audio": "UklGR" * 60,
        "right_audio": "data:audio/wav;base64,UklGRg==",
    }
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps(factories.line("a", inputs=inputs)))
    with reading():
        assert desk("submit", str(lines)).exit_code == 0


def test_a_table_with_a_column_nobody_knows_is_refused_before_anything_is_sent(desk: Desk, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("model,colour\nx,red\n")
    refused = desk("submit", str(table))
    assert refused.exit_code == 1
    assert "There is no column 'colour'" in refused.stderr


def test_a_batch_is_steered_from_the_desk(desk: Desk, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text(json.dumps(factories.line("a")))
    with reading():
        batch_id = desk("submit", str(lines)).stdout.strip()
    assert f"Batch {batch_id} is paused." in desk("pause", batch_id).stderr
    assert f"Batch {batch_id} is in_progress." in desk("resume", batch_id).stderr
    assert f"Batch {batch_id} is cancelling." in desk("cancel", batch_id).stderr
    assert "once it is final" in desk("retry", batch_id).stderr
