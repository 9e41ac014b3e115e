"""A console for tests, with an operator and a reader who may come in."""

from collections.abc import Iterator

import pytest

from tests.api.console.signed_in import Browser, browsing, make


@pytest.fixture
def browser(bucket: str) -> Iterator[Browser]:
    """Nobody is signed in; there are an operator, ada, and a reader, ben."""
    make("ada")
    make("ben", "reader")
    with browsing() as browser:
        yield browser


@pytest.fixture
def operator(browser: Browser) -> Browser:
    return browser.come_in("ada")


@pytest.fixture
def reader(browser: Browser) -> Browser:
    return browser.come_in("ben")
