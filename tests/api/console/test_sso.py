"""Operators who come in through an identity provider, over HTTP."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from httpx import Response

from api.app import create_app
from api.console import provider
from jobs.database import transaction
from jobs.operators import everybody
from tests.api.console.signed_in import Browser, browsing, make, text_of
from tests.api.open_door import served, wait_for
from tests.conftest import set_settings
from tests.fakes.identity import Identity


@pytest.fixture
def identity() -> Iterator[Identity]:
    provider.forget()
    found = Identity(claims={"preferred_username": "Grace", "groups": ["everybody", "video-ops"]})
    with served(found.app) as found.url:
        yield found


@pytest.fixture
def browser(bucket: str, identity: Identity, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    set_settings(
        monkeypatch,
        {
            "DUOLOGUE_PUBLIC_URL": "http://testserver",
            "DUOLOGUE_OIDC_ISSUER": identity.url,
            "DUOLOGUE_OIDC_CLIENT_ID": identity.client_id,
            "DUOLOGUE_OIDC_CLIENT_SECRET": identity.client_secret,
            "DUOLOGUE_OIDC_OPERATORS": "video-ops",
            "DUOLOGUE_OIDC_READERS": "everybody",
        },
    )
    with browsing() as browser:
        yield browser


def answer_of_provider(browser: Browser, back: str = "") -> str:
    """Go to the provider as the console says; where it sends the browser back to."""
    sent = browser.get("/sso", next=back)
    assert sent.status_code == 303, text_of(sent)
    location: str = httpx.get(sent.headers["Location"]).headers["Location"]
    assert location.startswith("http://testserver/console/sso/back?")
    return location


def come_in(browser: Browser, back: str = "") -> Response:
    parts = urlsplit(answer_of_provider(browser, back))
    answer: Response = browser.client.get(f"{parts.path}?{parts.query}")
    return answer


def names() -> list[tuple[str, str]]:
    with transaction() as session:
        return [(one.name, one.role) for one in everybody(session)]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_whom_the_provider_vouches_for_comes_in(browser: Browser, identity: Identity, method: str) -> None:
    identity.method = method
    assert "single sign-on" in text_of(browser.get("/sign-in"))
    answer = come_in(browser, "/console/audit?operator=grace")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/console/audit?operator=grace")
    assert "grace operator" in text_of(browser.get("/audit"))
    assert names() == [("grace", "operator")]


def test_a_provider_whose_name_ends_with_a_slash_lets_people_in(browser: Browser, identity: Identity) -> None:
    identity.end = "/"
    assert come_in(browser).status_code == 303
    assert names() == [("grace", "operator")]


def test_the_role_is_what_the_provider_says_today(browser: Browser, identity: Identity) -> None:
    come_in(browser)
    identity.claims["groups"] = "everybody"
    identity.claims["preferred_username"] = "grace.hopper"
    browser.client.cookies.clear()
    come_in(browser)
    assert names() == [("grace", "reader")]


def test_whom_the_provider_gives_no_role_stays_outside(browser: Browser, identity: Identity) -> None:
    identity.claims["groups"] = ["nobody"]
    answer = come_in(browser)
    assert (answer.status_code, "gives you no role" in text_of(answer), names()) == (403, True, [])


def test_a_name_that_somebody_has_is_not_handed_over(browser: Browser) -> None:
    make("grace")
    answer = come_in(browser)
    assert (answer.status_code, "another operator called grace" in text_of(answer)) == (409, True)


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"aud": "somebody else"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"key": True},
        {"azp": "somebody else"},
        {"sub": ""},
    ],
)
def test_what_does_not_hold_lets_nobody_in(browser: Browser, identity: Identity, lie: dict[str, object]) -> None:
    identity.lies = {"iat": int(time.time()) - 1000} | lie
    assert (come_in(browser).status_code, names()) == (403, [])


def test_an_answer_is_of_use_to_the_browser_that_asked_alone(browser: Browser) -> None:
    parts = urlsplit(answer_of_provider(browser))
    with browsing() as other:
        other.get("/sign-in")
        assert other.client.get(f"{parts.path}?{parts.query}").status_code == 403
    elsewhere = parts.query.replace("%2Fconsole", "%2Fconsole%2Faudit")
    assert elsewhere != parts.query
    assert browser.client.get(f"{parts.path}?{elsewhere}").status_code == 403
    assert browser.client.get(f"{parts.path}?{parts.query}").status_code == 303
    browser.client.cookies.delete("duologue_session")
    assert browser.client.get(f"{parts.path}?{parts.query}").status_code == 403


def test_a_provider_that_is_another_or_away_is_told_of(browser: Browser, identity: Identity) -> None:
    identity.lies = {"issuer": "https://evil.example"}
    assert browser.get("/sso").status_code == 503
    refused = browser.get("/sso/back", error="access_denied", state="x")
    assert (refused.status_code, "did not let you in" in text_of(refused)) == (403, True)


def test_what_the_provider_says_of_itself_is_asked_once(browser: Browser, identity: Identity) -> None:
    assert browser.get("/sso").status_code == 303
    identity.lies = {"issuer": "https://evil.example"}
    assert browser.get("/sso").status_code == 303
    provider.forget()
    assert browser.get("/sso").status_code == 503
    identity.lies = {}
    assert browser.get("/sso").status_code == 503


def test_a_provider_that_says_nothing_holds_up_nobody_else(
    browser: Browser, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(60) as strangers:
        set_settings(monkeypatch, {"DUOLOGUE_OIDC_ISSUER": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        with served(create_app()) as url:
            asked = [strangers.submit(httpx.get, f"{url}/console/sso", timeout=30) for _ in range(60)]
            wait_for(lambda: sum(one.done() for one in asked) >= 50, "most are refused")
            assert {one.result().status_code for one in asked if one.done()} == {429}
            answer = httpx.get(f"{url}/v1/account", headers={"Authorization": f"Bearer {key}"}, timeout=5)
            assert answer.status_code == 200
            silent.close()
