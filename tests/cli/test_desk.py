"""The desk without servers: every command is there, and what is wrong is said in a sentence."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import door
from cli.main import COMMANDS, app
from jobs import settings
from jobs.settings import PREFIX

runner = CliRunner()


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    settings.load.cache_clear()


def test_help_names_every_command() -> None:
    said = runner.invoke(app, ["--help"]).output
    assert [name for name in COMMANDS if f" {name} " not in said] == []


@pytest.mark.parametrize("command", [["jobs"], ["show", "0" * 32], ["submit", "infinitetalk"]])
def test_with_nothing_running_a_client_command_says_how_to_start(command: list[str]) -> None:
    refused = runner.invoke(app, command)
    assert refused.exit_code == 1
    assert "`duologue up`" in refused.stderr


@pytest.mark.parametrize("command", ["engines pause cloud", "keys create laptop", "operators create ada", "migrate"])
def test_a_folder_where_nothing_ever_ran_is_refused_and_left_as_it_is(command: str) -> None:
    refused = runner.invoke(app, command.split())
    assert refused.exit_code == 1
    assert f"There is no database in {Path('.duologue').absolute()}: name" in refused.stderr
    assert not Path(".duologue").exists()


def test_who_works_with_an_api_elsewhere_does_not_change_the_database_here(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".duologue").mkdir()
    Path(".duologue/stack.json").write_text('{"database": {}}')
    monkeypatch.setenv("DUOLOGUE_API_URL", "https://192.0.2.1")
    refused = runner.invoke(app, ["engines", "pause", "cloud"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: DUOLOGUE_API_URL names 192.0.2.1, whose database is not in ")


def test_this_machine_is_known_by_its_other_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = []
    for host in ("localhost", "0.0.0.0", "192.0.2.1", "x" * 70 + ".org"):  # noqa: S104 - any of ours
        monkeypatch.setenv("DUOLOGUE_API_URL", f"http://{host}:8000")
        hosts.append(door.elsewhere())
    assert hosts == [None, None, "192.0.2.1", "x" * 70 + ".org"]


def test_an_api_that_does_not_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DUOLOGUE_API_KEY", "duo_made-up")
    refused = runner.invoke(app, ["jobs"])
    assert refused.exit_code == 1
    assert "Nothing answers at http://127.0.0.1:9" in refused.stderr


def test_a_foreign_api_is_never_offered_the_desks_own_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".duologue").mkdir()
    (tmp_path / ".duologue" / "desk.key").write_text("duo_secret")
    monkeypatch.setenv("DUOLOGUE_API_URL", "http://127.0.0.1:9")
    refused = runner.invoke(app, ["jobs"])
    assert refused.exit_code == 1
    assert "Set DUOLOGUE_API_KEY" in refused.stderr


def test_a_wrong_setting_stops_up_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_PORT", "eighty")
    settings.load.cache_clear()
    refused = runner.invoke(app, ["up"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: DUOLOGUE_PORT")


def test_an_output_without_a_folder_is_refused_before_any_work() -> None:
    refused = runner.invoke(app, ["demo", "--output", "nowhere/film.mp4"])
    assert refused.exit_code == 2
    assert not Path(".duologue").exists()


def test_the_doctor_warns_of_servers_that_do_not_run_and_breaks_nothing() -> None:
    looked = runner.invoke(app, ["doctor", "--json"])
    findings = {finding["check"]: finding for finding in json.loads(looked.stdout)}
    assert looked.exit_code == 0, looked.stdout
    assert [findings[name]["verdict"] for name in ("database", "broker", "bucket", "front door")] == ["warning"] * 4
    assert all(finding["advice"] for finding in findings.values() if finding["verdict"] != "ok")
    assert not Path(".duologue").exists()


def test_the_doctor_ends_with_status_one_over_a_setting_that_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_LEASE_SECONDS", "-1")
    settings.load.cache_clear()
    looked = runner.invoke(app, ["doctor"])
    assert looked.exit_code == 1
    assert "DUOLOGUE_LEASE_SECONDS" in looked.output


@pytest.mark.parametrize(
    ("place", "reason"), [("x" * 300, "name too long"), ("file/x", "not a directory"), ("~nobody-here/x", "home")]
)
def test_a_data_folder_that_cannot_be_is_refused(place: str, reason: str) -> None:
    Path("file").touch()
    refused = runner.invoke(app, ["jobs", "--data", place])
    assert refused.exit_code == 2
    assert reason in unboxed(refused.stderr)


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[x", "http://host:99999", "ftp://host"])
def test_an_api_url_that_cannot_be_one_is_named(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DUOLOGUE_API_URL", url)
    monkeypatch.setenv("DUOLOGUE_API_KEY", "duo_made-up")
    refused = runner.invoke(app, ["jobs"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: DUOLOGUE_API_URL is no address of an API")


def test_a_state_that_is_none_is_told_those_there_are() -> None:
    refused = runner.invoke(app, ["jobs", "--status", "done"])
    assert refused.exit_code == 2
    assert "'done' is none of waiting, running, forwarded, completed, failed, cancelled." in unboxed(refused.stderr)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_key_has_a_name(name: str) -> None:
    assert runner.invoke(app, ["keys", "create", name]).exit_code == 2
    assert not Path(".duologue").exists()


def test_an_order_without_its_voices_is_told_the_options_before_anything_is_uploaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUOLOGUE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DUOLOGUE_API_KEY", "duo_made-up")
    refused = runner.invoke(app, ["submit", "infinitetalk/multi", "--image", "two.png"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: infinitetalk/multi needs --left-audio, --right-audio as well")


@pytest.mark.parametrize("place", ["~nobody-here/two.png", "x" * 300])
def test_a_picture_that_cannot_be_a_file_is_a_sentence(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("DUOLOGUE_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DUOLOGUE_API_KEY", "duo_made-up")
    refused = runner.invoke(app, ["submit", "infinitetalk", "--image", place, "--audio", "https://x.example/a.wav"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: image: ")


@pytest.mark.parametrize("host", ["192.0.2.1", f"{'x' * 80}.org"])
def test_an_address_that_is_not_this_machines_is_answered_with_another_address(host: str) -> None:
    refused = runner.invoke(app, ["up", "--host", host, "--port", "0"])
    assert refused.exit_code == 1
    assert "--host" in refused.stderr
    assert "--port" not in refused.stderr


def unboxed(text: str) -> str:
    """What typer says, without the box it draws."""
    return " ".join(text.replace("│", " ").split())
