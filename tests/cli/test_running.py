"""What an operator sees of a running `duologue up`, from a second terminal."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cli import demo_media
from tests.cli.stack.neighbours import wait_until
from tests.cli.terminal import PATIENCE_SECONDS, ROOT, Terminal, Up, descendants, runs

pytestmark = pytest.mark.story

README = ROOT / "README.md"


def api_url(desk: Terminal) -> str:
    url: str = json.loads((desk.data / "up.json").read_text())["api_url"]
    return url


def test_up_says_where_everything_is(desk: Terminal, up: Up) -> None:
    url = api_url(desk)
    assert f"API      {url}" in up.text
    assert f"docs     {url}/docs" in up.text
    assert "duologue keys create NAME" in up.text
    assert httpx.get(f"{url}/ready").status_code == 200


def test_what_up_leaves_for_other_commands_is_for_its_owner_only(desk: Terminal, up: Up) -> None:
    assert stat.S_IMODE((desk.data / "up.json").stat().st_mode) == 0o600


def test_a_new_key_stands_alone_on_standard_output_and_opens_the_door(desk: Terminal) -> None:
    made = desk.run("keys", "create", "laptop", "--account", "acme")
    key = made.stdout.removesuffix("\n")
    assert key.startswith("duo_")
    assert key not in made.stderr
    assert httpx.get(f"{api_url(desk)}/v1/jobs", headers={"Authorization": f"Bearer {key}"}).json()["jobs"] == []


def test_a_revoked_key_opens_nothing_and_the_list_never_shows_a_key(desk: Terminal) -> None:
    key = desk.run("keys", "create", "lost laptop").stdout.strip()
    row = next(row for row in desk.ask("keys", "list") if row["name"] == "lost laptop")
    assert desk.run("keys", "revoke", row["id"]).returncode == 0
    assert httpx.get(f"{api_url(desk)}/v1/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    listed = desk.run("keys", "list").stdout
    assert row["id"] in listed
    assert key not in listed


def test_revoking_what_is_no_key_is_a_sentence(desk: Terminal) -> None:
    refused = desk.run("keys", "revoke", "laptop")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: laptop is not a key's id")
    assert "Traceback" not in refused.stderr


def test_a_key_that_is_refused_is_named_by_where_it_came_from(desk: Terminal) -> None:
    refused = Terminal(desk.folder, {"DUOLOGUE_API_KEY": "duo_made-up"}).run("jobs")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: ")
    assert "The one tried is from DUOLOGUE_API_KEY." in refused.stderr


def test_a_second_up_in_the_same_folder_is_refused_with_a_sentence(desk: Terminal, up: Up) -> None:
    refused = desk.run("up", "--port", "0")
    assert refused.returncode == 1
    assert f"already runs in {desk.data}: {api_url(desk)}, process {up.process.pid}" in refused.stderr


def test_a_taken_port_is_a_sentence(desk: Terminal, up: Up, terminal: Terminal) -> None:
    port = api_url(desk).rpartition(":")[2]
    refused = terminal.run("up", "--port", port)
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in refused.stderr
    assert not terminal.data.exists()


def test_local_files_are_uploaded_and_the_video_comes_back(desk: Terminal) -> None:
    (desk.folder / "two.png").write_bytes(demo_media.picture())
    (desk.folder / "voice.flac").write_bytes(demo_media.voices()[0])
    order = ["submit", "infinitetalk", "--image", "two.png", "--audio", "voice.flac", "--tag", "tested"]
    done = desk.run(*order, "--output", "film.mp4")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "film.mp4\n"
    assert (desk.folder / "film.mp4").read_bytes()[4:8] == b"ftyp"
    assert "completed 100%" in done.stderr
    [job] = desk.ask("jobs", "--tag", "tested")["jobs"]
    told = desk.run("show", job["id"]).stdout
    assert "completed" in told
    assert job["output"]["link"].partition("?")[0] in told.replace("\n", "")


def test_a_job_that_fails_says_why_and_ends_with_status_one(desk: Terminal) -> None:
    (desk.folder / "voice.flac").write_bytes(demo_media.voices()[0])
    order = ["submit", "infinitetalk", "--image", "https://picture.invalid/x.png", "--audio", "voice.flac", "--wait"]
    failed = desk.run(*order)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "error: The job failed: image:" in failed.stderr


def test_a_file_that_is_not_there_is_a_sentence_and_nothing_is_submitted(desk: Terminal) -> None:
    refused = desk.run("submit", "infinitetalk", "--image", "nowhere.png", "--audio", "a.wav", "--tag", "never")
    assert refused.returncode == 1
    assert "image: there is no file nowhere.png" in refused.stderr
    assert desk.ask("jobs", "--tag", "never")["jobs"] == []


def test_the_doctor_finds_nothing_broken(desk: Terminal) -> None:
    looked = desk.run("doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(looked.stdout)}
    assert looked.returncode == 0, looked.stdout
    assert {name for name, finding in findings.items() if finding["verdict"] == "failure"} == set()
    for check in ("database", "schema", "clock", "broker", "bucket", "front door", "workers", "engine preview"):
        assert findings[check]["verdict"] == "ok", findings[check]


def test_a_worker_that_dies_is_started_again(up: Up) -> None:
    [worker] = [pid for pid in descendants(up.process.pid) if runs(pid, "workers.app")]
    os.kill(worker, signal.SIGKILL)
    up.wait_until_said("The worker was ended by SIGKILL; it starts again in 0.5 s.")
    wait_until(
        lambda: any(runs(pid, "workers.app") for pid in descendants(up.process.pid)),
        seconds=PATIENCE_SECONDS,
        what="a worker runs again",
    )


def test_the_words_of_the_readme_order_a_video(desk: Terminal, tmp_path: Path) -> None:
    if shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("the README speaks to bash and curl")
    [words] = [block for block in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "curl" in block]
    here = f'duologue() {{ "{sys.executable}" -P -m cli "$@"; }}\n'
    said = here + words.replace(". .venv/bin/activate\n", "").replace("http://127.0.0.1:8000", api_url(desk))
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", said],
        cwd=tmp_path,
        env=desk.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout[done.stdout.index("{") :])
    assert (answer["code"], answer["data"]["status"]) == (200, "created"), answer
    assert (tmp_path / "two-people.png").exists()
