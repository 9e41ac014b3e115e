import pytest
from starlette.testclient import TestClient

from jobs import lifecycle
from tests import factories
from tests.conftest import Member

KNOBS = {"steps": 12, "boxes": [[0, 0, 100, 200], [100, 0, 200, 200]], "chunk_seeds": {"2": 7}}


def post(client: TestClient, member: Member, **extras: object) -> dict[str, object]:
    form = {"model": factories.MULTI, "inputs": factories.form(), **extras}
    answer: dict[str, object] = client.post("/v1/jobs", json=form, headers=member.headers).json()
    return answer


def test_knobs_are_shown_given_to_whoever_renders_and_turned_again_in_a_rerun(
    client: TestClient, member: Member
) -> None:
    job = post(client, member, knobs=KNOBS)
    assert job["knobs"] == KNOBS
    claim = factories.claim()
    assert claim.options == KNOBS
    lifecycle.cancel(member.caller, claim.job_id)
    lifecycle.confirm_cancel(claim)
    again = client.post(f"/v1/jobs/{claim.job_id.hex}/rerun", headers=member.headers).json()
    assert again["knobs"] == KNOBS


def test_a_job_without_knobs_has_none_and_nobody_moderated_it(client: TestClient, member: Member) -> None:
    job = post(client, member)
    assert (job["knobs"], job["moderation"]) == ({}, "none")


@pytest.mark.parametrize(
    ("knobs", "field"),
    [
        ({"steps": 0}, "knobs.steps"),
        ({"boxes": [[0, 0, 100, 200]]}, "knobs.boxes"),
        ({"volume": 11}, "knobs.volume"),
        ([], "knobs"),
    ],
)
def test_a_wrong_knob_is_named(client: TestClient, member: Member, knobs: object, field: str) -> None:
    answer = post(client, member, knobs=knobs)
    assert answer["error"]["field"] == field  # type: ignore[index]  # a refusal has one
