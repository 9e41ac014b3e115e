"""Promises about files: a ticket is good for one PUT to the letter, and what was put is read without a key."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.wavespeed import QUICK, Fake, wavespeed

CONTENT = b"RIFF, as far as the fake looks"


@pytest.fixture(scope="module")
def fake() -> Iterator[Fake]:
    with wavespeed(**QUICK) as running:
        yield running


@pytest.fixture
def ticket(fake: Fake) -> dict[str, Any]:
    asked = {"filename": "a voice.wav", "size": len(CONTENT), "content_type": "audio/wav"}
    found: dict[str, Any] = fake.call("POST", "/media/uploads", asked).json()["data"]
    return found


def test_a_ticket_takes_one_file(fake: Fake, ticket: dict[str, Any]) -> None:
    put = ticket["upload"]
    assert fake.http.put(put["url"], content=CONTENT, headers=put["headers"]).status_code == 200
    assert fake.http.put(put["url"], content=CONTENT, headers=put["headers"]).status_code == 412

    answer = fake.http.get(ticket["download_url"])
    assert (answer.content, answer.headers["Content-Type"]) == (CONTENT, "audio/wav")
    assert (ticket["type"], ticket["filename"], ticket["size"]) == ("audio", "a voice.wav", len(CONTENT))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "audio/wav"}, 403),
        ({"Content-Type": "audio/mpeg", "If-None-Match": "*"}, 403),
        ({"Content-Type": "audio/wav", "If-None-Match": "*", "Authorization": "Bearer fake-key"}, 400),
    ],
)
def test_a_put_that_is_not_to_the_letter_is_refused(
    fake: Fake, ticket: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    assert fake.http.put(ticket["upload"]["url"], content=CONTENT, headers=headers).status_code == status
    assert fake.http.get(ticket["download_url"]).status_code == 404


def test_a_file_of_another_length_is_refused(fake: Fake, ticket: dict[str, Any]) -> None:
    put = ticket["upload"]
    assert fake.http.put(put["url"], content=CONTENT + b"!", headers=put["headers"]).status_code == 400


def test_a_file_can_come_straight_through(fake: Fake) -> None:
    headers = {"Authorization": "Bearer fake-key"}
    answer = fake.http.post(
        "/api/v3/media/upload/binary", files={"file": ("a.wav", CONTENT, "audio/wav")}, headers=headers
    )

    assert fake.http.get(answer.json()["data"]["download_url"]).content == CONTENT
    assert fake.http.post("/api/v3/media/upload/binary", data={"x": "y"}, headers=headers).status_code == 400


def test_paths_are_understood_as_clients_write_them(fake: Fake) -> None:
    headers = {"Authorization": "Bearer fake-key"}
    paths = ("/api/v2/balance", "//api/v3/balance", "/api/v3/api/v3/balance")

    assert {fake.http.get(f"{fake.url}{path}", headers=headers).status_code for path in paths} == {200}


def test_errors_come_in_the_envelope_with_their_status(fake: Fake) -> None:
    answers = {
        404: fake.call("GET", "/predictions/none"),
        405: fake.call("PUT", "/models"),
        401: fake.call("GET", "/balance", key="wrong"),
        400: fake.call("POST", "/predictions", {"page": 0}),
    }

    assert {status: (answer.status_code, answer.json()["code"]) for status, answer in answers.items()} == {
        status: (status, status) for status in answers
    }
    assert all(answer.json()["data"] is None for answer in answers.values())
