"""What somebody else's page, or somebody with bad intent, can make of the console: nothing."""

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import select

from api.app import create_app
from jobs import audit
from jobs.audit import Actor
from jobs.database import transaction
from jobs.tables import Base
from tests.api.console.signed_in import PASSWORD, Browser, browsing, text_of

NOT_FOR_OPERATORS_ALONE = {"/console/theme", "/console/sign-in", "/console/sign-out", "/console/password"}
"""Forms with which readers change what is their own."""

SCRIPT = "<script>alert(1)</script>"


def routes(app: FastAPI, method: str) -> Iterator[str]:
    """Every path of the console that takes `method`, with something for each of its parameters."""
    for context in app.routes:
        for route in getattr(getattr(context, "original_router", None), "routes", [context]):
            path = getattr(route, "path", "")
            prefix = getattr(getattr(context, "include_context", None), "prefix", "")
            if (
                isinstance(route, APIRoute)
                and method in (route.methods or ())
                and f"{prefix}{path}".startswith("/console")
            ):
                yield re.sub(r"\{[^}]+\}", "0" * 32, f"{prefix}{path}")


@pytest.fixture
def changing(browser: Browser) -> list[str]:
    found = sorted({*routes(create_app(), "POST")} - NOT_FOR_OPERATORS_ALONE)
    assert "/console/operators" in found
    return found


def everything() -> list[object]:
    """All that a form could change, as it is now, whoever is signed in."""
    ours = [
        table for name, table in Base.metadata.tables.items() if name not in {"operator_sessions", "sign_in_tallies"}
    ]
    with transaction() as session:
        return [sorted(map(repr, session.execute(select(table)))) for table in ours]


def test_a_reader_can_change_nothing(reader: Browser, changing: list[str]) -> None:
    before = everything()

    for path in changing:
        assert reader.post(path.removeprefix("/console"), confirmed="yes").status_code == 403, path

    assert everything() == before


def test_no_form_of_another_session_or_of_none_changes_anything(operator: Browser, changing: list[str]) -> None:
    with browsing() as other:
        other.come_in("ada")
        forged = other.token
    before = everything()
    for path in changing:
        for token in ("", "0" * 64, forged):
            answer = operator.post(path.removeprefix("/console"), token=token, confirmed="yes")
            assert answer.status_code == 403, (path, token)
    assert everything() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_elsewhere_is_refused_with_the_right_token_too(operator: Browser, headers: dict[str, str]) -> None:
    answer = operator.post("/operators", headers, name="eve", role="operator", password=PASSWORD)

    assert (answer.status_code, "not sent from a page of this console" in text_of(answer)) == (403, True)


def test_signing_in_is_protected_like_every_other_form(browser: Browser) -> None:
    browser.get("/sign-in")
    browser.client.cookies.clear()

    assert browser.post("/sign-in", name="ada", password=PASSWORD).status_code == 403


def test_every_page_says_what_browsers_may_do_with_it(operator: Browser) -> None:
    for path in ("/console", "/console/operators", "/console/sign-in", "/console/nothing", "/console//operators"):
        headers = operator.client.get(path, headers={"Origin": "https://evil.example"}).headers
        policy = headers["Content-Security-Policy"]
        assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(
            policy.split("; ")
        )
        assert "unsafe" not in policy
        assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_no_page_holds_script_or_style_of_its_own(operator: Browser) -> None:
    for path in sorted({*routes(create_app(), "GET")}):
        page = operator.get(path.removeprefix("/console")).text
        assert re.findall(r"<script(?![^>]*\ssrc=)", page) == [], path
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", page) == [], path


def test_what_others_wrote_is_text(operator: Browser) -> None:
    with transaction() as session:
        audit.note(session, Actor(SCRIPT, SCRIPT), SCRIPT, SCRIPT, outcome=SCRIPT, note=SCRIPT)

    for page in (operator.get("/audit"), operator.get("/audit", operator=SCRIPT, action="'\"><script>")):
        assert "<script>" not in page.text
        assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("filter_", ["x" * 201, "x" * 60_000, "nul\0byte", "new\nline"])
def test_a_filter_that_cannot_be_is_refused_with_a_sentence(operator: Browser, filter_: str) -> None:
    answer = operator.get("/audit", operator=filter_)

    assert (answer.status_code, '<p class="complaint" role="alert">' in answer.text) == (400, True)


@pytest.mark.parametrize("words", ["' OR true --", "'; DROP TABLE operators; --", "%", "_", "\\", "operator.%"])
def test_what_looks_like_a_query_is_searched_for(operator: Browser, words: str) -> None:
    for name in ("operator", "action", "subject"):
        page = operator.get("/audit", **{name: words})
        assert (page.status_code, "Nothing was changed that fits." in page.text) == (200, True)


def test_a_form_that_is_too_long_is_refused(browser: Browser) -> None:
    browser.get("/sign-in")

    assert browser.post("/sign-in", name="ada", password="x" * 300_000).status_code == 413
    assert browser.post("/sign-in", x=["x"] * 600).status_code == 400


def test_the_console_can_be_switched_off(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.conftest import set_settings

    set_settings(monkeypatch, {"DUOLOGUE_CONSOLE": "false"})
    with browsing() as browser:
        assert browser.get("/sign-in").status_code == 404
