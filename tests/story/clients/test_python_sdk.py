"""PyPI `wavespeed`, from its registry and unmodified, cannot tell us from the service it was written for."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import wavespeed
from wavespeed import Client
from wavespeed.config import api as everywhere

from jobs import terms
from jobs.database import transaction
from tests.conftest import Member
from tests.story.clients.films import assert_is_a_video
from tests.story.house import MULTI, House, wait_for

SOLO = "wavespeed-ai/infinitetalk"


@pytest.fixture
def sdk(house: House) -> Client:
    return Client(house.key, base_url=house.url)


@pytest.fixture
def solo(sdk: Client, files: dict[str, str]) -> dict[str, object]:
    return {"image": sdk.upload(files["two.png"]), "audio": sdk.upload(files["right.wav"])}


@pytest.fixture
def broken(sdk: Client, solo: dict[str, object], files: dict[str, str]) -> dict[str, object]:
    return solo | {"audio": sdk.upload(files["page.wav"])}


@pytest.fixture
def _pointed_here(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module's own functions, which know one client for the whole process."""
    before = everywhere.base_url, everywhere.api_key
    everywhere.base_url, everywhere.api_key = house.url, house.key
    monkeypatch.setattr("wavespeed.api._default_client", None)
    yield
    everywhere.base_url, everywhere.api_key = before


def test_it_uploads_runs_and_gets_a_video(sdk: Client, files: dict[str, str]) -> None:
    with Path(files["right.wav"]).open("rb") as opened:
        inputs = {
            "image": sdk.upload(files["two.png"]),
            "left_audio": sdk.upload(io.BytesIO(Path(files["left.wav"]).read_bytes())),
            "right_audio": sdk.upload(opened),
            "order": "right_left",
        }
    [link] = sdk.run(MULTI, inputs, poll_interval=0.2, timeout=100)["outputs"]
    assert_is_a_video(link)


def test_sync_mode_answers_with_the_video(sdk: Client, solo: dict[str, object]) -> None:
    told = sdk.run_no_throw(SOLO, solo, enable_sync_mode=True)
    assert (told["status"], told["error"]) == ("completed", None)
    assert_is_a_video(told["outputs"][0])
    assert sdk.get_result(told["task_id"])["data"]["outputs"] == told["outputs"]


def test_a_wait_that_is_over_leaves_a_task_to_come_back_to(
    sdk: Client, impatient_house: House, solo: dict[str, object]
) -> None:
    hasty = Client(impatient_house.key, base_url=impatient_house.url)
    told = hasty.run_no_throw(SOLO, solo, enable_sync_mode=True)
    assert (told["status"], told["outputs"]) == ("processing", None)
    assert f"/api/v3/predictions/{told['task_id']}/result" in told["error"]
    wait_for(lambda: sdk.get_result(told["task_id"])["data"]["status"] == "completed", "the task went on")
    with pytest.raises(RuntimeError, match="Sync mode timed out"):
        hasty.run(SOLO, solo, enable_sync_mode=True)


def test_a_failed_job_is_an_error_that_says_why(sdk: Client, broken: dict[str, object]) -> None:
    with pytest.raises(RuntimeError, match="audio: "):
        sdk.run(SOLO, broken, poll_interval=0.2, timeout=100)
    told = sdk.run_no_throw(SOLO, broken, poll_interval=0.2, timeout=100, max_retries=2)
    assert (told["status"], told["outputs"]) == ("failed", None)
    assert "audio: " in told["error"]
    assert sdk.get_result(told["task_id"])["data"]["status"] == "failed"


def test_a_request_that_is_refused_is_an_error_that_names_the_fix(sdk: Client, house: House) -> None:
    with pytest.raises(RuntimeError, match="audio is required"):
        sdk.run(SOLO, {"image": "https://example.com/a.png"})
    with pytest.raises(RuntimeError, match="There is no such"):
        sdk.run("nobody/nothing", {})
    with pytest.raises(RuntimeError, match="404"):
        sdk.get_result("0" * 32)
    stranger = Client("wrong", base_url=house.url)
    with pytest.raises(RuntimeError, match="401"):
        stranger.run(SOLO, {})
    with pytest.raises(RuntimeError, match="401"):
        stranger.upload(io.BytesIO(b"RIFF"))


def test_an_account_at_its_limit_is_told_so_and_can_still_poll(
    sdk: Client, member: Member, solo: dict[str, object]
) -> None:
    with transaction() as session:
        terms.change(session, terms.of(session, member.caller.account_id), {"submits_per_minute": 1})
    told = sdk.run_no_throw(SOLO, solo, poll_interval=0.2, timeout=100)
    with pytest.raises(RuntimeError, match=r"HTTP 429.*may submit 1 jobs a minute"):
        sdk.run(SOLO, solo)
    assert sdk.get_result(told["task_id"])["data"]["status"] == "completed"


@pytest.mark.usefixtures("_pointed_here")
def test_its_bare_functions_do_the_same(files: dict[str, str]) -> None:
    inputs = {"image": wavespeed.upload(files["two.png"]), "audio": wavespeed.upload(files["right.wav"])}
    [link] = wavespeed.run(SOLO, inputs, poll_interval=0.2, timeout=100)["outputs"]
    assert_is_a_video(link)
    told = wavespeed.run_no_throw(SOLO, inputs, poll_interval=0.2, timeout=100)
    assert wavespeed.get_result(told["task_id"])["data"]["outputs"] == told["outputs"]
