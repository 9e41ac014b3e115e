"""Promises about the webhook of a query string, in all the forms clients send."""

import pytest

from api.webhook_url import checked, whole
from jobs.errors import WrongInput
from tests.conftest import set_settings


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("webhook=https://h.example/cb", "https://h.example/cb"),
        ("webhook=https://h.example/cb?a=b&c=d", "https://h.example/cb?a=b&c=d"),
        ("x=1&webhook=HTTPS://h.example/cb?a=b&webhook=c", "HTTPS://h.example/cb?a=b&webhook=c"),
        ("webhook=https%3A%2F%2Fh.example%2Fcb%3Fa%3Db%26c%3Dd", "https://h.example/cb?a=b&c=d"),
        ("webhook=https%3A//h.example/cb%3Fa%3Db&other=1", "https://h.example/cb?a=b"),
        ("webhook=https://h.example/cb%3Fa%3Db%26c%3Dd&other=1", "https://h.example/cb?a=b&c=d"),
        ("webhook=https://h.example/cb?a%3Db%26c%3Dd", "https://h.example/cb?a=b&c=d"),
        ("webhook=https://h.example/cb?a%3Db%26c%3Dd&other=1", "https://h.example/cb?a=b&c=d"),
        ("webhook=https://h.example/what%3F/a=b&c=d", "https://h.example/what%3F/a=b&c=d"),
        ("webhook=https://h.example/cb?a", "https://h.example/cb?a"),
        ("webhook=https://h.example/a%20b?c=%26", "https://h.example/a%20b?c=%26"),
        ("webhook=", ""),
        ("mywebhook=https://h.example/", ""),
    ],
)
def test_an_unencoded_url_keeps_its_own_query_and_an_encoded_one_is_decoded(query: str, expected: str) -> None:
    assert whole(query) == expected


def test_an_absent_webhook_is_none() -> None:
    assert checked(None, "webhook") is None
    assert checked("", "webhook") is None


@pytest.mark.usefixtures("database")  # which forgets the settings afterwards
@pytest.mark.parametrize("url", ["http://h.example/", "http://93.184.216.34/", "https://10.0.0.1/", "https://[::1]/"])
def test_what_can_never_be_posted_to_is_refused_when_it_is_handed_in(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongInput) as caught:
        checked(url, "webhook")
    assert caught.value.field == "webhook"
    set_settings(monkeypatch, {"DUOLOGUE_WEBHOOK_HTTP": "true", "DUOLOGUE_WEBHOOK_NETWORKS": "10.0.0.0/8,::1/128"})
    assert checked(url, "webhook") == url


@pytest.mark.usefixtures("database")
def test_plain_http_goes_to_allowed_networks_and_to_names_that_may_lead_there(monkeypatch: pytest.MonkeyPatch) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"})
    for url in ("http://127.0.0.1:3000/", "http://localhost:3000/"):
        assert checked(url, "webhook") == url
    with pytest.raises(WrongInput, match="begin the URL with https"):
        checked("http://93.184.216.34/", "webhook")


@pytest.mark.parametrize(
    "url", [5, "ftp://h.example/", "h.example", "https://", "https://u:p@h.example/", "https://h\x00", "http://["]
)
def test_what_cannot_be_called_is_refused_by_the_name_of_its_field(url: object) -> None:
    with pytest.raises(WrongInput, match="webhook_url") as caught:
        checked(url, "webhook_url")
    assert caught.value.field == "webhook_url"
