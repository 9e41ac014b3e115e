"""What callers hear of a job that is no longer kept: that there is no such job, on both faces."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests import factories
from tests.api.rendering import complete
from tests.conftest import Member
from tests.past import age, archived, let_go
from workers.chores import archive

ASKED = {
    "the prediction": ("GET", "/api/v3/predictions/{}"),
    "its result": ("GET", "/api/v3/predictions/{}/result"),
    "cancelling or deleting it": ("DELETE", "/api/v3/predictions/{}"),
    "the job": ("GET", "/v1/jobs/{}"),
    "its events": ("GET", "/v1/jobs/{}/events"),
    "cancelling it": ("POST", "/v1/jobs/{}/cancel"),
    "running it again": ("POST", "/v1/jobs/{}/rerun"),
}


@pytest.fixture
def gone(client: TestClient, member: Member, tmp_path: Path) -> str:
    """A completed job whose time is over."""
    job = factories.submit(member.caller)
    complete(tmp_path)
    age(days=8)
    let_go()
    assert archive.run_once() == 1
    assert set(archived()) == {job.id}
    return job.id.hex


@pytest.mark.parametrize("asked", ASKED)
def test_an_old_link_leads_nowhere(client: TestClient, member: Member, gone: str, asked: str) -> None:
    method, place = ASKED[asked]
    answer = client.request(method, place.format(gone), headers=member.headers)
    assert answer.status_code == 404
    assert "There is no such job." in answer.text


def test_it_is_in_no_list_and_nothing_is_left_to_delete(client: TestClient, member: Member, gone: str) -> None:
    listed = client.post("/api/v3/predictions", json={"page": 1, "page_size": 10}, headers=member.headers)
    assert listed.json()["data"]["items"] == []
    assert client.get("/v1/jobs", headers=member.headers).json()["jobs"] == []
    deleted = client.post("/api/v3/predictions/delete", json={"ids": [gone]}, headers=member.headers)
    assert deleted.json()["data"] == {"deleted_count": 0}
