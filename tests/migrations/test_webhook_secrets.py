"""Promises about accounts that were there before webhooks had secrets."""

import uuid
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import text

from jobs import schema
from jobs.database import transaction
from tests.conftest import administer, forget_settings, of_database, set_settings


@pytest.fixture
def empty_database(servers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's settings point at a database without any table."""
    name = f"test_{uuid.uuid4().hex}"
    administer(servers, f"CREATE DATABASE {name}")
    set_settings(monkeypatch, of_database(servers, name))
    yield
    forget_settings()
    administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.usefixtures("empty_database")
def test_every_account_that_was_there_is_given_a_secret_of_its_own() -> None:
    command.upgrade(schema._config(), "20261122_01")
    with transaction() as session:
        for name in ("acme", "stranger"):
            session.execute(text("INSERT INTO accounts (id, name) VALUES (gen_random_uuid(), :name)"), {"name": name})
    schema.upgrade()
    with transaction() as session:
        drawn = session.execute(text("SELECT webhook_secret FROM accounts")).scalars().all()
    assert [secret[:6] for secret in drawn] == ["whsec_", "whsec_"]
    assert len(set(drawn)) == 2
