from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import openapi
from tests.house import tree

Operations = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.fixture
def operations(document: dict[str, Any]) -> Operations:
    return openapi.operations(document)


def test_every_endpoint_says_what_it_does(operations: Operations) -> None:
    assert operations
    assert [place for place, found in operations.items() if not found.get("summary")] == []


def test_every_endpoint_stands_under_a_heading(document: dict[str, Any], operations: Operations) -> None:
    headings = {tag["name"] for tag in document["tags"]}

    assert [place for place, found in operations.items() if set(found["tags"]) - headings or not found["tags"]] == []


def test_every_endpoint_says_what_it_answers_when_it_refuses(operations: Operations) -> None:
    open_to_all = {("GET", "/health"), ("GET", "/ready")}

    mute = [
        place for place, found in operations.items() if place not in open_to_all and "401" not in found["responses"]
    ]

    assert mute == []


def test_every_endpoint_is_in_the_guide(operations: Operations) -> None:
    guide = tree.text("docs/api.md")

    assert [place for place in operations if f"| {place[0]} | `{place[1]}` |" not in guide] == []
