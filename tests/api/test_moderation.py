"""What somebody found in a video is said on both faces, and so is that nobody looked."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from jobs import lifecycle
from tests import factories
from tests.conftest import Member


@pytest.mark.parametrize(
    ("is_checked", "is_flagged", "moderation"),
    [(False, False, "none"), (True, False, "checker"), (True, True, "checker")],
)
def test_both_faces_say_who_looked_and_what_was_found(
    client: TestClient, member: Member, *, is_checked: bool, is_flagged: bool, moderation: str
) -> None:
    job = factories.submit(member.caller)
    claim = factories.claim()
    lifecycle.finish(claim, replace(factories.output(claim), is_checked=is_checked, is_flagged=is_flagged))

    ours = client.get(f"/v1/jobs/{job.id.hex}", headers=member.headers).json()
    theirs = client.get(f"/api/v3/predictions/{job.id.hex}/result", headers=member.headers).json()["data"]

    assert (ours["moderation"], ours["output"]["is_flagged"]) == (moderation, is_flagged)
    assert theirs["has_nsfw_contents"] == [is_flagged]
