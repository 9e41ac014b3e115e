"""npm `wavespeed`, from its registry and unmodified, cannot tell us from the service it was written for."""

import pytest

from tests.story.clients import node
from tests.story.clients.films import assert_is_a_video
from tests.story.house import MULTI, House

SOLO = "wavespeed-ai/infinitetalk"
QUICKLY = {"pollInterval": 0.2, "timeout": 100}


@pytest.fixture
def links(house: House, files: dict[str, str]) -> dict[str, str]:
    """Every file, uploaded by this client."""
    return {name: node.call(house, "upload", path)["answer"] for name, path in files.items()}


@pytest.fixture
def solo(links: dict[str, str]) -> dict[str, str]:
    return {"image": links["two.png"], "audio": links["right.wav"]}


def test_it_uploads_runs_and_gets_a_video(house: House, links: dict[str, str]) -> None:
    pair = {"image": links["two.png"], "left_audio": links["left.wav"], "right_audio": links["right.wav"]}
    polled = node.call(house, "run", MULTI, pair, QUICKLY)
    assert_is_a_video(polled["answer"]["outputs"][0])


def test_sync_mode_answers_with_the_video(house: House, solo: dict[str, str]) -> None:
    waited = node.call(house, "runNoThrow", SOLO, solo, {"enableSyncMode": True})["answer"]
    assert waited["detail"]["status"] == "completed"
    assert waited["detail"]["createdAt"].endswith("Z")
    assert_is_a_video(waited["outputs"][0])


def test_a_wait_that_is_over_leaves_a_task_to_come_back_to(
    house: House, impatient_house: House, solo: dict[str, str]
) -> None:
    told = node.call(impatient_house, "runNoThrow", SOLO, solo, {"enableSyncMode": True})["answer"]["detail"]
    assert (told["status"], told["error"]["kind"]) == ("processing", "WavespeedSyncTimeoutException")
    assert told["resultUrl"].endswith(f"/api/v3/predictions/{told['taskId']}/result")
    assert house.wait_final(told["taskId"])["status"] == "completed"


def test_a_failed_job_is_an_error_that_says_why(house: House, links: dict[str, str], solo: dict[str, str]) -> None:
    broken = solo | {"audio": links["page.wav"]}
    failed = node.call(house, "run", SOLO, broken, QUICKLY)
    assert failed["kind"] != "AbortError"
    assert "audio: " in failed["error"]
    told = node.call(house, "runNoThrow", SOLO, broken, QUICKLY)["answer"]
    assert (told["outputs"], told["detail"]["status"]) == (None, "failed")
    assert told["detail"]["error"]["kind"] == "WavespeedPredictionException"


def test_a_request_that_is_refused_is_an_error_that_names_the_fix(house: House, files: dict[str, str]) -> None:
    assert "audio is required" in node.call(house, "run", SOLO, {"image": "https://example.com/a.png"})["error"]
    assert "HTTP 404" in node.call(house, "run", "nobody/nothing", {})["error"]
    assert "HTTP 401" in node.call(house, "run", SOLO, {}, key="wrong")["error"]
    assert "HTTP 401" in node.call(house, "upload", files["right.wav"], key="wrong")["error"]
