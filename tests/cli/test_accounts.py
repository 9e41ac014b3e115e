"""What operators may do to accounts from a terminal, against a real database."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from jobs import accounts
from jobs.database import transaction
from jobs.rules.limits import Terms
from jobs.rules.scopes import ALL
from tests import paying
from tests.conftest import make_member


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_DATA_DIR", str(tmp_path / "data"))


def desk(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def told(*words: str) -> str:
    found = desk(*words)
    assert found.exit_code == 0, found.output
    return found.output


def read(*words: str) -> Any:  # noqa: ANN401 - whatever the command's JSON holds
    return json.loads(told(*words, "--json"))


def test_an_account_is_made_listed_and_shown() -> None:
    assert "accounts create NAME" in told("accounts", "list")
    assert "prepaid" in told("accounts", "create", "acme", "--prepaid")
    assert "unlimited" in told("accounts", "create", "beta")
    assert [(row["name"], row["is_prepaid"]) for row in read("accounts", "list")] == [("acme", True), ("beta", False)]
    assert read("accounts", "show", "acme") == read("accounts", "list")[0]
    refused = desk("accounts", "create", "acme")
    assert (refused.exit_code, "There is an account acme already" in refused.stderr) == (1, True)


def test_money_is_added_and_corrected() -> None:
    told("accounts", "create", "acme", "--prepaid")
    assert "Account acme has 50.00 USD." in told("accounts", "topup", "acme", "50", "--note", "invoice 7")
    assert "Account acme has 47.50 USD." in told("accounts", "adjust", "acme", "-2.50", "--note", "counted wrong")
    assert "Account acme has 47.60 USD." in told("accounts", "adjust", "--note", "and back", "acme", "0.1")
    assert read("accounts", "show", "acme")["available_usd"] == 47.6
    assert "47.60" in told("accounts", "list")


def test_limits_are_set_cleared_and_left_alone() -> None:
    member = make_member("acme")
    limits = ["--submits-per-minute", "60", "--running", "3", "--waiting", "100", "--budget-soft", "8"]
    limits += ["--budget-hard", "10.5", "--engines", "gpu, preview", "--models", "infinitetalk/multi", "--prepaid"]
    limits += ["--resend-unproven", "--pay-cancelled"]
    shown = told("accounts", "limit", "acme", *limits)
    for words in (
        "prepaid",
        "60 submits a minute",
        "3 at once",
        "100 waiting",
        "8.00 USD",
        "10.50 USD",
        "gpu preview",
        "sends again",
        "pays what",
    ):
        assert words in shown
    whole = Terms(
        is_prepaid=True,
        submits_per_minute=60,
        running_max=3,
        waiting_max=100,
        models=frozenset({"wavespeed-ai/infinitetalk/multi"}),
        engines=frozenset({"gpu", "preview"}),
        budget_soft_usd=Decimal(8),
        budget_hard_usd=Decimal("10.5"),
    )
    assert paying.change(member, {}).caller.terms == whole
    cleared = [word for name in ("running", "models", "budget-hard") for word in (f"--{name}", "none")]
    told("accounts", "limit", "acme", *cleared, "--unlimited")
    assert paying.change(member, {}).caller.terms == Terms(
        submits_per_minute=60,
        waiting_max=100,
        engines=frozenset({"gpu", "preview"}),
        budget_soft_usd=Decimal(8),
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["limit", "acme"], "name at least one limit"),
        (["limit", "acme", "--running", "0"], "0 is not a whole number"),
        (["limit", "acme", "--waiting", "many"], "many is not a whole number"),
        (["limit", "acme", "--submits-per-minute", "9" * 12], "is not a whole number"),
        (["limit", "acme", "--budget-hard", "0"], "0 is not an amount"),
        (["limit", "acme", "--budget-soft", "-5"], "-5 is not above 0"),
        (["limit", "acme", "--models", "infinitetalk,talk"], "infinitetalk,talk"),
        (["limit", "acme", "--engines", "steam"], "gpu, cloud, preview"),
        (["limit", "acme", "--engines", ","], "gpu, cloud, preview"),
        (["topup", "acme", "0"], "0 is not an amount"),
        (["topup", "acme", "--", "-5"], "-5 is not above 0"),
        (["topup", "acme", "1e9"], "1e9 is not an amount"),
        (["topup", "acme", "0.0000001"], "0.0000001 is not an amount"),
        (["topup", "acme", "NaN"], "NaN is not an amount"),
        (["topup", "acme", "ten"], "ten is not an amount"),
        (["adjust", "acme", "5"], "--note"),
        (["create", " "], "1 to 100 printable letters"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(words: list[str], said: str) -> None:
    refused = desk("accounts", *words)
    assert refused.exit_code == 2
    assert said in " ".join(refused.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    "words", [["show"], ["limit", "--running", "3"], ["topup", "5"], ["adjust", "5", "--note", "x"]]
)
def test_an_account_that_nobody_made_is_a_sentence(words: list[str]) -> None:
    refused = desk("accounts", words[0], "nobody", *words[1:])
    assert (refused.exit_code, refused.stderr.strip()) == (
        1,
        "error: There is no account nobody; `duologue accounts list` shows them.",
    )


def test_a_key_may_be_made_for_less_than_everything() -> None:
    narrow = told("keys", "create", "reader", "--account", "acme", "--scope", "read", "--scope", "submit").split()[-1]
    whole = told("keys", "create", "all").split()[-1]
    with transaction() as session:
        assert accounts.identify(session, narrow).scopes == {"read", "submit"}
        assert accounts.identify(session, whole).scopes == set(ALL)
    assert [row["scopes"] for row in read("keys", "list")] == [["submit", "read"], list(ALL)]
    assert "submit read" in told("keys", "list")
    assert desk("keys", "create", "x", "--scope", "everything").exit_code == 2
