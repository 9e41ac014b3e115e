"""The console in a real browser: with JavaScript and without, in both themes, with a keyboard and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from jobs import accounts, lifecycle, storage, webhooks
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from tests import factories
from tests.api.console.chromium import barriers, complaints, launched, sign_in
from tests.api.console.signed_in import make
from tests.api.open_door import served
from tests.conftest import copied, forget_settings, make_member, set_settings

PHONE = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(servers: dict[str, str], chromium: Browser) -> Iterator[str]:
    """One front door for all of it, with an account that has a bit of everything."""
    with copied(servers) as environment, pytest.MonkeyPatch.context() as patch:
        set_settings(patch, environment)
        storage.make_bucket()
        make("ada")
        make("ben", "reader")
        furnish(make_member("acme").caller)
        with served(create_app()) as address:
            yield address
        forget_settings()


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    with chromium.new_context(base_url=url) as context:
        context.set_default_timeout(20_000)
        yield context.new_page()


def furnish(caller: Caller) -> None:
    webhooks.register(caller, url="https://hooks.example.com/in", kinds=["job.failed"], description="production")
    factories.submit(caller)
    factories.submit(caller)
    lifecycle.stumble(factories.claim(), EngineError("out of memory at step 7", permanent=True))


def places(url: str) -> list[str]:
    """Every page that can be reached by the menu, and one of each kind that is linked from a list."""
    with transaction() as session:
        account = accounts.keys(session)[0][0].account_id
        owner = accounts.owner(session, account, account)
    [endpoint] = webhooks.endpoints(owner)
    [delivery] = webhooks.deliveries(owner, endpoint.id)
    of_one = (f"accounts/{account.hex}", f"accounts/{account.hex}/ledger", f"webhooks/{endpoint.id.hex}")
    return [
        "errors",
        "accounts",
        "webhooks",
        "upstream",
        "operators",
        "audit",
        "password",
        "nothing",
        *of_one,
        f"deliveries/{delivery.id.hex}",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_out_of_any_page(chromium: Browser, url: str, theme: str) -> None:
    with chromium.new_context(color_scheme=theme, viewport=PHONE, bypass_csp=True) as context:  # type: ignore[arg-type]  # one of the two
        page = context.new_page()
        page.goto(f"{url}/console/sign-in")
        found = {"sign-in": barriers(page)}
        sign_in(page, url)
        for place in places(url):
            answer = page.goto(f"{url}/console/{place}")
            assert answer is not None
            assert answer.status == (404 if place == "nothing" else 200), place
            found[place] = barriers(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], place
    assert {place: barrier for place, barrier in found.items() if barrier} == {}


def test_every_page_keeps_its_own_policy(page: Page, url: str) -> None:
    said = complaints(page)
    sign_in(page, url)
    for place in places(url):
        if place != "nothing":
            page.goto(f"/console/{place}")
    assert said == []


def test_an_account_gets_money_and_a_key_and_loses_it_again(page: Page, url: str) -> None:
    sign_in(page, url)
    page.get_by_role("link", name="Accounts").click()
    page.get_by_label("Name").fill("meridian")
    page.get_by_role("button", name="Make").click()
    expect(page.get_by_role("status")).to_contain_text("Account meridian is made")
    page.get_by_label("USD", exact=True).fill("50")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.locator(".figure", has_text="To spend")).to_contain_text("50.00 USD")
    page.get_by_label("A new key for").fill("laptop")
    page.get_by_role("button", name="Make a key").click()
    expect(page.locator("pre.key")).to_contain_text("duo_")
    page.get_by_role("button", name="Revoke laptop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Revoke this key?")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="laptop")).to_contain_text("revoked")


def test_without_javascript_errors_are_resolved_and_filters_kept(chromium: Browser, url: str) -> None:
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, url)
        page.get_by_role("link", name="Errors").click()
        page.get_by_role("button", name="Resolve").click()
        expect(page.get_by_role("status")).to_contain_text("resolved")
        page.get_by_role("link", name="resolved").click()
        page.get_by_role("button", name="Reopen").click()
        page.get_by_role("link", name="Audit log").click()
        page.get_by_label("Action").fill("error")
        page.get_by_role("button", name="Filter").click()
        assert "action=error" in page.url
        expect(page.get_by_role("row")).to_have_count(3)


def test_a_reader_is_shown_no_button_that_changes_anything(page: Page, url: str) -> None:
    sign_in(page, url, "ben")
    for place in places(url):
        page.goto(f"/console/{place}")
        names = {button.inner_text() for button in page.get_by_role("button").all()}
        assert names <= {"Sign out", "Filter", "auto", "light", "dark"} | ({"Change"} if place == "password" else set())


def test_the_keyboard_comes_past_the_menu_and_colours_stay_chosen(page: Page, url: str) -> None:
    sign_in(page, url)
    page.goto("/console/accounts")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("button", name="dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/console/accounts")
    page.goto("/console/audit")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"
