"""A real browser for tests of the console, and what axe finds wrong with a page in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.api.console.signed_in import PASSWORD
from tests.story.clients.venvs import CLIENTS

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_AXE = CLIENTS / "node" / "node_modules" / "axe-core" / "axe.min.js"
_SERIOUS = {"serious", "critical"}


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium as it is installed here; without one the test is skipped, and fails where CI must have it."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        assert "DUOLOGUE_CI" not in os.environ, "CI installs chromium"
        pytest.skip("install chromium (on Debian `apt-get install chromium`) to have the console tested in it")
    with sync_playwright() as playwright:
        # As root chromium has no sandbox; nothing but our own pages is loaded.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def complaints(page: Page) -> list[str]:
    """Collect what the browser itself says is wrong: scripts that fail, and what the page may not load."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def sign_in(page: Page, url: str, name: str = "ada") -> None:
    page.goto(f"{url}/console/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Sign out").wait_for()


def barriers(page: Page) -> list[str]:
    """What axe finds on the page that keeps people out, seriously or worse, with where it is."""
    if not _AXE.exists():
        assert "DUOLOGUE_CI" not in os.environ, "CI installs axe with `make clients`"
        pytest.skip("run `make clients` to install axe")
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
        if one["impact"] in _SERIOUS
    ]
