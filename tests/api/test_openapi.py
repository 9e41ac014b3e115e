"""Promises about the OpenAPI document: complete, true, and read without any outside host."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from starlette.testclient import TestClient

from api import openapi
from jobs.rules.catalog import MODELS
from tests import factories
from tests.api.routes import PUBLIC
from tests.conftest import Member

FIELDS = [
    "image", "audio", "left_audio", "right_audio", "video", "mask_image", "prompt", "seed", "order", "resolution",
    "enable_sync_mode", "enable_base64_output", "webhook_url", "filename", "size", "content_type",
    "page", "page_size", "status", "created_after", "created_before", "include_inputs", "ids", "model_id",
    "model", "inputs", "engine", "priority", "deadlines", "tags", "metadata", "webhook", "wait_seconds",
    "billing_type", "start_time", "end_time", "model_uuid", "access_key_uuid", "prediction_uuids", "sort",
    "name", "scopes", "budget_soft_usd", "requests", "input_file", "options", "on_bad_lines",
]  # fmt: skip
FILTERS = [
    "status", "model", "engine", "tag", "created_after", "created_before", "cursor", "limit",
    "kind", "job_id", "since", "until", "first_day", "last_day",
]  # fmt: skip
LEAVES = (
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text()
    | some.sampled_from(["https://x.example/a", "aGk=", "preview", "meanwhile", *MODELS])
)
NAMES = some.sampled_from(FIELDS) | some.text(max_size=5)
ANYTHING = some.recursive(LEAVES, lambda inner: some.lists(inner) | some.dictionaries(NAMES, inner), max_leaves=12)


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    assert isinstance(client.app, FastAPI)
    return client.app.openapi()


def test_the_document_is_served_as_it_is(client: TestClient, document: dict[str, Any]) -> None:
    assert client.get("/openapi.json").json() == document


def test_every_route_says_what_it_does_and_how_it_can_end(document: dict[str, Any]) -> None:
    for operation, said in openapi.operations(document).items():
        assert said["summary"], operation
        assert said["tags"][0] in {tag["name"] for tag in openapi.TAGS}, operation
        assert "422" not in said["responses"], operation
        if operation not in PUBLIC:
            assert {"401", "403", "500", "503"} <= set(said["responses"]), operation
            assert said["security"] == [{"key": []}], operation
        if "requestBody" in said:
            assert {"400", "408", "413"} <= set(said["responses"]), operation


def test_every_route_that_orders_a_job_says_that_money_and_limits_may_refuse_it(document: dict[str, Any]) -> None:
    operations = openapi.operations(document)
    models = {("POST", f"/api/v3/{model.id}") for model in MODELS.values()}
    streams = {("GET", "/v1/jobs/{job_id}/events"), ("POST", "/v1/webhooks/{webhook_id}/listen")}
    uploads = {("POST", "/api/v3/media/upload/binary")}
    may_refuse = (
        {place for place, said in operations.items() if {"402", "429"} & set(said["responses"])} - streams - uploads
    )
    assert may_refuse == models | {("POST", "/v1/jobs"), ("POST", "/v1/jobs/{job_id}/rerun")}
    assert all({"402", "429"} <= set(operations[place]["responses"]) for place in may_refuse)


def test_every_name_the_document_refers_to_is_in_it(document: dict[str, Any]) -> None:
    named = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
    assert named == set(document["components"]["schemas"])


def test_every_model_has_a_typed_form(document: dict[str, Any]) -> None:
    operations = openapi.operations(document)
    for model in MODELS.values():
        content = operations["POST", f"/api/v3/{model.id}"]["requestBody"]["content"]
        schema = content["application/json"]["schema"]
        assert schema["required"] == list(model.required)
        assert set(model.media) < set(schema["properties"])


def test_what_a_forgiving_form_may_leave_out_may_be_null_and_the_document_says_so(
    client: TestClient, member: Member, document: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for path in ("/api/v3/predictions", "/api/v3/billings/search", "/api/v3/user/usage_stats"):
        content = openapi.operations(document)["POST", path]["requestBody"]["content"]
        schema = content["application/json"]["schema"]
        optional = {name: said for name, said in schema["properties"].items() if name not in schema.get("required", ())}
        body = dict.fromkeys(optional) | dict.fromkeys(schema.get("required", ()), 1)
        with subtests.test(path):
            assert client.post(path, json=body, headers=member.headers).status_code == 200
            for said in optional.values():
                assert "null" in said.get("type", ()) or {"type": "null"} in said.get("anyOf", ())
                assert None in said.get("enum", [None])


@pytest.mark.parametrize("name", ["a", "a b", "\xe9", "a" * 255, " ", "a\tb", "\xa0", "a" * 256, ""])
def test_the_document_knows_which_idempotency_keys_are_taken(
    client: TestClient, member: Member, document: dict[str, Any], name: str
) -> None:
    for path in (f"/api/v3/{factories.MULTI}", "/v1/jobs"):
        parameters = openapi.operations(document)["POST", path]["parameters"]
        [header] = [found for found in parameters if found["name"] == "Idempotency-Key"]
        form = factories.form() if path.startswith("/api") else {"model": factories.MULTI, "inputs": factories.form()}
        headers = {**member.headers, "Idempotency-Key": name.encode("latin-1")}
        answer = client.post(path, json=form, headers=headers)
        said = header["schema"]
        is_promised = said["minLength"] <= len(name) <= said["maxLength"] and re.search(said["pattern"], name)
        assert bool(is_promised) == answer.is_success, answer.text


def test_the_docs_page_needs_no_outside_host(client: TestClient) -> None:
    page = client.get("/docs").text
    places = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert places
    for place in places:
        assert place.startswith("/")
        assert client.get(place).status_code == 200
    assert not re.search(r"https?://", page)
    assert '"validatorUrl": null' in page


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    operation=some.sampled_from(
        [
            ("POST", "/api/v3/wavespeed-ai/infinitetalk"),
            ("POST", "/api/v3/media/uploads"),
            ("POST", "/api/v3/predictions"),
            ("POST", "/api/v3/predictions/delete"),
            ("POST", "/api/v3/model/price"),
            ("POST", "/api/v3/billings/search"),
            ("POST", "/api/v3/user/usage_stats"),
            ("POST", "/v1/jobs"),
            ("POST", "/v1/batches"),
            ("POST", "/v1/keys"),
            ("PATCH", "/v1/account"),
        ]
    ),
    body=ANYTHING,
)
def test_whatever_is_sent_the_answer_is_a_documented_one(
    client: TestClient, member: Member, document: dict[str, Any], operation: tuple[str, str], body: object
) -> None:
    if isinstance(body, dict):
        body.pop("enable_sync_mode", None)  # nobody renders here, so that a wait would be a long one
    method, path = operation
    answer = client.request(method, path, json=body, headers=member.headers)
    assert answer.status_code < 500
    assert str(answer.status_code) in openapi.operations(document)[operation]["responses"]


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=some.sampled_from(["/v1/jobs", "/v1/batches", "/v1/keys", "/v1/ledger", "/v1/usage"]),
    query=some.dictionaries(
        some.sampled_from(FILTERS),
        some.text()
        | some.integers().map(str)
        | some.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
        | some.dates().map(str),
    ),
    job_id=some.text(min_size=1),
)
def test_whatever_is_asked_for_the_answer_is_a_documented_one(
    client: TestClient, member: Member, path: str, query: dict[str, str], job_id: str
) -> None:
    assert client.get(path, params=query, headers=member.headers).status_code in {200, 400}
    assert client.get(f"/v1/jobs/x{quote(job_id)}", headers=member.headers).status_code == 404
