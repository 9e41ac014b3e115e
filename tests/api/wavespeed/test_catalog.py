"""Promises about the models that are listed, and about what they are said to cost."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from jobs.rules.catalog import MODELS
from tests.conftest import Member, set_settings

SOLO, DUET, FAST = (
    "wavespeed-ai/infinitetalk",
    "wavespeed-ai/infinitetalk/multi",
    "wavespeed-ai/infinitetalk-fast",
)


@pytest.fixture
def catalog(client: TestClient, member: Member) -> dict[str, dict[str, Any]]:
    found = client.get("/api/v3/models", headers=member.headers).json()["data"]
    assert isinstance(found, list)
    return {entry["model_id"]: entry for entry in found}


def run_schema(entry: dict[str, Any]) -> dict[str, Any]:
    [found] = entry["api_schema"]["api_schemas"]
    assert isinstance(found, dict)
    return found


def quote(client: TestClient, member: Member, path: str = "price", **form: object) -> dict[str, Any]:
    answer = client.post(f"/api/v3/model/{path}", json=form, headers=member.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def test_every_model_is_listed_once_in_the_order_of_the_catalog(catalog: dict[str, dict[str, Any]]) -> None:
    assert list(catalog) == list(MODELS)
    assert [entry["sort_order"] for entry in catalog.values()] == list(range(1, len(MODELS) + 1))
    for model_id, entry in catalog.items():
        assert (entry["name"], entry["type"]) == (model_id, "digital-human")
        assert type(entry["base_price"]) is float
        assert entry["description"].endswith(".")


def test_an_entry_says_where_and_how_the_model_is_called(
    client: TestClient, member: Member, catalog: dict[str, dict[str, Any]]
) -> None:
    for model_id, entry in catalog.items():
        run = run_schema(entry)
        assert (run["type"], run["method"]) == ("model_run", "POST")
        assert (run["server"], run["api_path"]) == ("http://127.0.0.1:8000", f"/api/v3/{model_id}")
        form = run["request_schema"]
        assert (form["type"], form["additionalProperties"]) == ("object", False)
        assert sorted(form["x-order-properties"]) == sorted(form["properties"])
        assert form["x-order-properties"][: len(form["required"])] == form["required"]
        given = dict.fromkeys(form["required"], "https://x.example/a")
        assert client.post(run["api_path"], json=given, headers=member.headers).status_code == 200


def test_a_form_has_one_type_a_field_and_the_contract_s_choices(catalog: dict[str, dict[str, Any]]) -> None:
    for entry in catalog.values():
        for name, field in run_schema(entry)["request_schema"]["properties"].items():
            assert field["type"] == ("integer" if name == "seed" else "string")
            assert None not in field.get("enum", [])
    duet = run_schema(catalog[DUET])["request_schema"]["properties"]
    assert (duet["order"]["enum"], duet["order"]["default"]) == (["meanwhile", "left_right", "right_left"], "meanwhile")
    assert (duet["seed"]["minimum"], duet["seed"]["maximum"], duet["seed"]["default"]) == (-1, 2147483647, -1)
    assert "resolution" not in run_schema(catalog[FAST])["request_schema"]["properties"]


def test_the_server_follows_the_public_url(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {**database, "DUOLOGUE_PUBLIC_URL": "https://video.example.org/duo/"})
    with TestClient(create_app()) as client:
        [first, *_] = client.get("/api/v3/models", headers=member.headers).json()["data"]
    assert run_schema(first)["server"] == "https://video.example.org/duo"


def test_trap_13_price_and_pricing_have_fields_of_their_own(client: TestClient, member: Member) -> None:
    assert quote(client, member, model_id=SOLO) == {
        "model_id": SOLO,
        "price": 0.15,
        "discounted_price": 0.15,
        "discount_rate": 0.0,
        "currency": "USD",
    }
    assert quote(client, member, "pricing", model_id=FAST) == {
        "model_id": FAST,
        "unit_price": 0.075,
        "currency": "USD",
    }


@pytest.mark.parametrize(
    ("model", "inputs", "price"),
    [
        (SOLO, None, 0.15),
        (SOLO, {}, 0.15),
        (SOLO, {"audio": "https://x.example/a.mp3", "prompt": 5, "resolution": None}, 0.15),
        (SOLO, {"resolution": "720p"}, 0.3),
        (DUET, {"order": "left_right", "left_audio": "@./a.mp3"}, 0.15),
        (DUET, {"resolution": "720p", "order": None}, 0.3),
        (FAST, {"resolution": "720p"}, 0.075),
        (FAST, {"resolution": "1080p"}, 0.075),
        (SOLO, {"order": "x"}, 0.15),
        (SOLO, {"order": ["left_right"]}, 0.15),
    ],
)
def test_a_quote_is_a_number_however_little_is_known(
    client: TestClient, member: Member, model: str, inputs: object, price: float
) -> None:
    assert quote(client, member, model_id=model, inputs=inputs)["price"] == price


def test_the_least_that_is_paid_is_set(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {**database, "DUOLOGUE_MINIMUM_SECONDS": "3"})
    with TestClient(create_app()) as client:
        assert quote(client, member, model_id=SOLO, inputs={"resolution": "480p"})["price"] == 0.09
        # The contract quotes the catalog's price of a run of which nothing is known.
        assert quote(client, member, model_id=SOLO)["price"] == 0.15
        [first, *_] = client.get("/api/v3/models", headers=member.headers).json()["data"]
    assert "$max([3, " in first["formula"]
