"""Promises about the secret that an account's webhooks are signed with."""

import base64
from pathlib import Path

from sqlalchemy import update
from starlette.testclient import TestClient

from jobs import history
from jobs.database import transaction
from jobs.tables import Account
from tests.conftest import Member, make_member

PLACE = "/api/v3/webhook/secret"


def secret(client: TestClient, member: Member) -> str:
    answer = client.get(PLACE, headers=member.headers)
    assert list(answer.json()["data"]) == ["secret"]
    assert answer.headers["Cache-Control"] == "no-store"
    found: str = answer.json()["data"]["secret"]
    return found


def test_an_account_has_one_secret_of_256_bits_whichever_key_asks(client: TestClient, member: Member) -> None:
    drawn = secret(client, member)
    assert len(base64.b64decode(drawn.removeprefix("whsec_"), validate=True)) == 32
    assert secret(client, make_member("acme")) == secret(client, member) == drawn


def test_an_account_made_by_an_older_version_draws_its_secret_when_asked(client: TestClient, member: Member) -> None:
    with transaction() as session:
        session.execute(update(Account).values(webhook_secret=None))
    assert secret(client, member).startswith("whsec_")
    assert secret(client, member) == secret(client, member)


def test_a_secret_in_a_log_is_found(client: TestClient, member: Member, tmp_path: Path) -> None:
    log = tmp_path / "door.log"
    log.write_text(f"signed with {secret(client, member)}\n")
    [found] = [found for found in history.check(logs=[log]) if found.invariant == "I9"]
    assert found.broken == ("door.log:1",)
