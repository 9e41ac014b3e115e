"""What operators do to accounts, keys and money in the console, and that all of it is written down."""

import re
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from jobs import accounts, audit, ledger, lifecycle, terms
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import NotAuthenticated
from jobs.tables import AuditEntry
from tests import factories
from tests.api.console.signed_in import Browser, text_of

NOBODY = "0" * 32


@pytest.fixture
def at(caller: Caller) -> str:
    return f"/accounts/{caller.account_id.hex}"


def last_seen(operator: Browser, at: str) -> str:
    """What the form that moves money has in it beside what is typed."""
    [found] = re.findall(r'name="seen" value="(\d*)"', operator.get(at).text)
    return str(found)


def changes(action: str) -> list[AuditEntry]:
    with transaction() as session:
        return audit.entries(session, action=action)


def test_an_account_is_made_and_shown_with_what_it_has(operator: Browser) -> None:
    made = operator.post("/accounts", name="a new <one>", is_prepaid="yes")
    assert made.status_code == 303
    page = operator.get(made.headers["Location"].removeprefix("/console"))
    assert "0.00 USD prepaid" in text_of(page)
    assert "a new &lt;one&gt;" in operator.get("/accounts").text
    twice = operator.post("/accounts", name="a new <one>")
    assert (twice.status_code, "There is an account a new <one> already" in text_of(twice)) == (409, True)
    assert [(one.operator, one.origin, one.outcome) for one in changes("account.create")][1] == (
        "ada",
        "testclient",
        "done",
    )


def test_money_moves_with_a_reason(operator: Browser, caller: Caller, at: str) -> None:
    for kind, amount, note in (("topup", "50", "invoice 7"), ("adjust", "-2.5", "counted wrong")):
        seen = last_seen(operator, at)
        assert operator.post(f"{at}/money", kind=kind, amount_usd=amount, note=note, seen=seen).status_code == 303
    with transaction() as session:
        assert ledger.balance(session, caller.account_id).available_usd == Decimal("47.5")
    assert "counted wrong" in operator.get(f"{at}/ledger").text
    assert "invoice 7" not in operator.get(f"{at}/ledger", kind="adjust").text
    assert [one.detail["note"] for one in changes("account")] == ["counted wrong", "invoice 7"]


def test_money_is_moved_once_however_often_the_form_is_sent(operator: Browser, caller: Caller, at: str) -> None:
    seen = last_seen(operator, at)
    answers = [operator.post(f"{at}/money", kind="topup", amount_usd="50", note="bill 7", seen=seen) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "+50.00 USD, bill 7" in text_of(answers[1])
    with transaction() as session:
        assert ledger.balance(session, caller.account_id).available_usd == Decimal(50)


@pytest.mark.parametrize(("amount", "status"), [("50", 409), ("", 400)])
def test_money_that_was_not_moved_is_still_typed_and_the_limits_are_shown_as_they_are(
    operator: Browser, at: str, amount: str, status: int
) -> None:
    seen = last_seen(operator, at)
    operator.post(f"{at}/limits", terms="prepaid", running_max="37")
    operator.post(f"{at}/money", kind="topup", amount_usd="1", note="meanwhile", seen=seen)
    refused = operator.post(f"{at}/money", kind="topup", amount_usd=amount, note="bill 8", seen=seen)
    assert refused.status_code == status
    assert 'value="bill 8"' in refused.text
    assert 'value="37"' in refused.text


def test_what_jobs_hold_meanwhile_keeps_no_money_from_moving(operator: Browser, caller: Caller, at: str) -> None:
    seen = last_seen(operator, at)
    factories.submit(caller)
    assert operator.post(f"{at}/money", kind="topup", amount_usd="50", seen=seen).status_code == 303


@pytest.mark.parametrize("amount", ["", "nan", "-5", "0", "1e9", "0.0000001", "fifty"])
def test_an_amount_that_is_none_moves_nothing(operator: Browser, caller: Caller, at: str, amount: str) -> None:
    assert operator.post(f"{at}/money", kind="topup", amount_usd=amount, note="x").status_code == 400
    with transaction() as session:
        assert ledger.balance(session, caller.account_id).available_usd == 0


def test_limits_are_set_and_cleared(operator: Browser, caller: Caller, at: str) -> None:
    set_ = operator.post(f"{at}/limits", terms="prepaid", running_max="3", budget_hard_usd="20", engines=["preview"])
    assert set_.status_code == 303
    with transaction() as session:
        found = terms.of(session, caller.account_id)
    assert (found.is_prepaid, found.running_max, found.engines) == (True, 3, ["preview"])
    assert found.budget_hard_usd == Decimal(20)
    assert 'value="20"' in operator.get(at).text
    wrong = operator.post(f"{at}/limits", terms="prepaid", running_max="many")
    assert (wrong.status_code, "Jobs at once is a whole number" in text_of(wrong)) == (400, True)
    assert 'value="many"' in wrong.text
    assert operator.post(f"{at}/limits", terms="unlimited").status_code == 303
    with transaction() as session:
        assert terms.of(session, caller.account_id).running_max is None


def test_an_account_is_paused_with_a_reason_and_goes_on(operator: Browser, caller: Caller, at: str) -> None:
    factories.submit(caller)
    assert operator.post(f"{at}/pause", because="it owes us <money>").status_code == 303
    assert "it owes us &lt;money&gt;" in operator.get(at).text
    assert lifecycle.claim("worker-1", factories.ENGINE) is None
    assert operator.post(f"{at}/resume").status_code == 303
    assert lifecycle.claim("worker-1", factories.ENGINE) is not None
    assert [one.action for one in changes("account")] == ["account.resume", "account.pause"]


def test_a_key_is_shown_once_works_and_is_revoked(operator: Browser, client: TestClient, at: str) -> None:
    [drawn] = re.findall(r'name="drawn" value="([0-9a-f]{32})"', operator.get(at).text)
    page = operator.post(f"{at}/keys", name="laptop", scopes=["read"], drawn=drawn)
    key = re.search(r'<pre class="key"[^>]*>(duo_[\w-]+)</pre>', page.text)
    assert key is not None
    assert key[1] not in operator.get(at).text
    assert key[1] not in repr([one.detail for one in changes("key")])
    with transaction() as session:
        caller = accounts.identify(session, key[1])
    assert caller.scopes == {"read"}
    again = operator.post(f"{at}/keys", name="laptop", scopes=["read"], drawn=drawn)
    assert (again.status_code, "The key laptop is made and was shown" in text_of(again)) == (409, True)
    revoke = f"{at}/keys/{caller.key_id.hex}/revoke"
    assert "Revoke this key?" in operator.post(revoke).text
    assert operator.post(revoke, confirmed="yes").status_code == 303
    with transaction() as session, pytest.raises(NotAuthenticated):
        accounts.identify(session, key[1])


def test_what_is_not_there_is_not_found(operator: Browser, at: str) -> None:
    for path in (
        f"/accounts/{NOBODY}",
        "/accounts/x",
        f"/webhooks/{NOBODY}",
        f"/deliveries/{NOBODY}",
        f"{at}/ledger/x",
    ):
        assert operator.get(path).status_code == 404, path
    for path in (f"{at}/keys/{NOBODY}/revoke", f"/webhooks/{NOBODY}/pause", f"/errors/{NOBODY}/resolve"):
        assert operator.post(path, confirmed="yes").status_code == 404, path


def test_what_callers_wrote_is_text_on_every_page(operator: Browser) -> None:
    script = "<script>alert(1)</script>"
    with transaction() as session:
        _, key = accounts.create_key(session, name=script, account=script)
    with transaction() as session:
        owner = accounts.identify(session, key)
        ledger.top_up(session, owner.account_id, Decimal(1), script)
    factories.submit(owner)
    for path in ("/accounts", f"/accounts/{owner.account_id.hex}", f"/accounts/{owner.account_id.hex}/ledger"):
        page = operator.get(path)
        assert (page.status_code, "<script>alert" in page.text, "&lt;script&gt;alert" in page.text) == (
            200,
            False,
            True,
        )


@pytest.mark.parametrize("path", ["/audit", "{at}/ledger"])
def test_a_page_before_more_than_there_can_be_is_the_first(operator: Browser, at: str, path: str) -> None:
    assert operator.get(path.format(at=at), before="f" * 20).status_code == 200


def test_a_number_of_many_digits_is_told_so(operator: Browser, at: str) -> None:
    for digits in ("00000000001999999999999", "9" * 64):
        assert operator.post(f"{at}/limits", terms="prepaid", running_max=digits).status_code == 400
