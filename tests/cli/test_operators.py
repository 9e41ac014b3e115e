"""Operators of the console as the desk makes them, and what the desk does written down."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from jobs import audit, operators
from jobs.database import transaction
from jobs.operators import passwords
from jobs.tables import AuditEntry


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_DATA_DIR", str(tmp_path / "data"))


def desk(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, words, input=typed)


def log() -> list[AuditEntry]:
    with transaction() as session:
        return audit.entries(session)


def test_the_first_operator_is_made_with_a_password_that_is_printed_alone() -> None:
    made = desk("operators", "create", "Ada")
    with transaction() as session:
        found = operators.named(session, "ada")
    assert passwords.is_right(found.password_hash, made.stdout.strip())
    assert found.role == "operator"
    assert made.stdout.strip() not in json.dumps([entry.detail for entry in log()])


def test_a_password_may_be_typed_and_a_short_one_is_refused() -> None:
    assert desk("operators", "create", "ben", "--role", "reader", "--ask", typed="short\nshort\n").exit_code == 1
    assert (
        desk("operators", "create", "ben", "--ask", typed="long enough to do\nlong enough to do\n")
        .stdout.strip()
        .endswith(":")
    )


def test_an_operator_is_changed_and_removed() -> None:
    desk("operators", "create", "ada")
    assert desk("operators", "role", "ada", "reader").exit_code == 0
    assert desk("operators", "role", "ada", "king").exit_code == 2
    assert desk("operators", "passwd", "ada").exit_code == 0
    [row] = json.loads(desk("operators", "list", "--json").stdout)
    assert (row["name"], row["role"]) == ("ada", "reader")
    assert desk("operators", "remove", "ada").exit_code == 0
    assert desk("operators", "remove", "ada").exit_code == 1
    assert [entry.action for entry in log()] == [
        "operator.remove",
        "operator.password",
        "operator.role",
        "operator.create",
    ]


def test_what_the_desk_changes_is_in_the_audit_log() -> None:
    desk("accounts", "create", "acme")
    desk("accounts", "topup", "acme", "50", "--note", "invoice 7")
    desk("accounts", "limit", "acme", "--budget-hard", "20")
    desk("keys", "create", "laptop", "--account", "acme")
    desk("engines", "pause", "preview")
    found = log()
    assert [entry.action for entry in found] == [
        "engine.pause",
        "key.create",
        "account.limit",
        "account.topup",
        "account.create",
    ]
    assert {entry.origin.partition("@")[0] for entry in found} == {"desk"}
    assert found[2].detail == {"budget_hard_usd": "20"}
