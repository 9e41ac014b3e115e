"""Who comes in, who does not, and when a session is over."""

import hashlib
from datetime import timedelta

import anyio
import pytest
from sqlalchemy import delete, update
from starlette.requests import Request

from api.console import visits
from api.console.visits import Visit
from jobs import operators
from jobs.database import transaction
from jobs.errors import NotAuthenticated, TooMany
from jobs.operators import signing_in
from jobs.tables import OperatorSession, SignInTally
from tests.api.console.signed_in import PASSWORD, Browser, browsing, make, text_of


def session_of(browser: Browser) -> str | None:
    found: str | None = browser.client.cookies.get("duologue_session")
    return found


def age(column: str, **span: float) -> None:
    with transaction() as session:
        session.execute(
            update(OperatorSession).values({column: OperatorSession.__table__.c[column] - timedelta(**span)})
        )


def is_in(browser: Browser) -> bool:
    return browser.get("/operators").status_code == 200


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(browser: Browser) -> None:
    sent = browser.get("/audit", operator="ada")
    assert (sent.status_code, sent.headers["Location"]) == (
        303,
        "/console/sign-in?next=%2Fconsole%2Faudit%3Foperator%3Dada",
    )
    asked = browser.get("/sign-in", next="/console/audit?operator=ada")
    assert 'value="/console/audit?operator=ada"' in asked.text
    answer = browser.post("/sign-in", name=" ADA ", password=PASSWORD, next="/console/audit?operator=ada")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/audit?operator=ada")
    assert "operator.sign_in" in browser.get("/audit").text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/console/\\evil", "/consoleevil", "/v1"]
)
def test_signing_in_leads_nowhere_but_into_the_console(browser: Browser, elsewhere: str) -> None:
    browser.get("/sign-in")

    answer = browser.post("/sign-in", name="ada", password=PASSWORD, next=elsewhere)

    assert answer.headers["Location"] == "/console"


def test_a_wrong_password_and_an_unknown_name_are_told_the_same(browser: Browser) -> None:
    wrong, unknown = browser.sign_in("ada", "not the password"), browser.sign_in("nobody", "not the password")

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert text_of(wrong).replace(wrong.request.url.path, "") == text_of(unknown).replace(unknown.request.url.path, "")
    assert not is_in(browser)


@pytest.mark.parametrize("name", ["\0", "ada\0", "a" * 10_000, ""])
def test_a_name_that_cannot_be_one_is_an_unknown_one(browser: Browser, name: str) -> None:
    assert browser.sign_in(name).status_code == 401


def test_only_the_hash_of_a_sessions_token_is_kept(operator: Browser) -> None:
    token = session_of(operator)
    assert token is not None
    with transaction() as session:
        kept = session.query(OperatorSession).one()
    assert token.encode() not in kept.digest
    assert len(kept.digest) == 32


def test_a_sessions_cookie_is_out_of_reach_of_scripts_and_other_sites(browser: Browser) -> None:
    set_cookie = browser.sign_in("ada").headers["Set-Cookie"]

    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in set_cookie.split(",")[0].split(";")}


def test_behind_https_a_cookie_is_for_this_host_and_for_https_alone(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.conftest import set_settings

    make("ada")
    set_settings(monkeypatch, {"DUOLOGUE_PUBLIC_URL": "https://testserver"})
    with browsing() as browser:
        browser.client.base_url = "https://testserver"
        browser.get("/sign-in")
        answer = browser.post("/sign-in", {"Origin": "https://testserver"}, name="ada", password=PASSWORD)
        assert answer.headers["Set-Cookie"].startswith("__Host-duologue_session=")
        assert "; Secure" in answer.headers["Set-Cookie"]
        assert is_in(browser)


@pytest.mark.parametrize(("column", "span"), [("seen_at", {"minutes": 61}), ("expires_at", {"hours": 12})])
def test_a_session_ends_with_time(operator: Browser, column: str, span: dict[str, float]) -> None:
    age(column, **span)

    assert not is_in(operator)


def test_a_session_in_use_goes_on(operator: Browser) -> None:
    for _ in range(3):
        age("seen_at", minutes=40)
        assert is_in(operator)


def test_signing_out_ends_the_session_for_whoever_holds_its_cookie(operator: Browser) -> None:
    token = session_of(operator)
    assert token is not None
    assert operator.post("/sign-out").headers["Location"] == "/console/sign-in"
    operator.client.cookies.set("duologue_session", token)
    assert not is_in(operator)


def test_a_new_password_signs_out_everywhere(operator: Browser) -> None:
    new = "another long password"
    with browsing() as other:
        other.come_in("ada")
        wrong = operator.post("/password", old="a guess at it", new=new, again=new)
        assert (wrong.status_code, "That is not your password." in text_of(wrong)) == (400, True)
        assert operator.post("/password", old=PASSWORD, new=new, again=new).status_code == 303
        assert not is_in(other)
    assert not is_in(operator)
    assert operator.sign_in("ada").status_code == 401
    assert operator.sign_in("ada", new).status_code == 303


def test_too_many_failures_close_the_door_to_the_right_password_too(browser: Browser) -> None:
    for _ in range(signing_in.OF_NAME_MAX):
        assert browser.sign_in("ada", "guess").status_code == 401
    closed = browser.sign_in("ada")
    assert (closed.status_code, "quarter of an hour" in text_of(closed)) == (429, True)
    assert browser.sign_in("ben").status_code == 303
    with transaction() as session:
        session.execute(update(SignInTally).values(began_at=SignInTally.began_at - timedelta(minutes=16)))
    with browsing() as later:
        assert later.sign_in("ada").status_code == 303


def test_somebody_removed_is_out_at_once_and_a_reader_made_operator_may_change_things(operator: Browser) -> None:
    with browsing() as other:
        other.come_in("ben")
        assert other.post("/operators", name="eve", role="operator", password=PASSWORD).status_code == 403
        assert operator.post("/operators/ben/role", role="operator").status_code == 303
        assert other.post("/operators", name="eve", role="reader", password=PASSWORD).status_code == 303
        asked = operator.post("/operators/ben/remove")
        assert (asked.status_code, "signed out everywhere" in text_of(asked)) == (200, True)
        assert operator.post("/operators/ben/remove", confirmed="yes").status_code == 303
        assert not is_in(other)


def test_the_addresses_of_one_network_count_as_one(browser: Browser) -> None:
    def guess(address: str) -> None:
        signing_in.sign_in("ada", "a guess at it", address)

    with pytest.raises(NotAuthenticated):
        guess("2001:db8:1:2::1")
    with transaction() as session:
        session.execute(update(SignInTally).values(failures=signing_in.OF_ADDRESS_MAX))
        session.execute(delete(SignInTally).where(SignInTally.of == hashlib.sha256(b"name:ada").digest()))
    with pytest.raises(TooMany):
        guess("2001:db8:1:2:ffff::1")
    with pytest.raises(NotAuthenticated):
        guess("2001:db8:1:3::1")


def test_what_stays_open_ends_soon_after_whoever_watches_is_signed_out(operator: Browser) -> None:
    visit = Visit(Request({"type": "http"}), session_of(operator) or "")

    async def is_left_in(seconds: float) -> bool:
        with anyio.move_on_after(seconds) as patience:
            async with visits.while_signed_in(visit, look_again_seconds=0.01):
                await anyio.sleep_forever()
        return not patience.cancelled_caught

    assert not anyio.run(is_left_in, 0.2)
    with transaction() as session:
        operators.sign_out(session, visit.secret)
    assert anyio.run(is_left_in, 20)
