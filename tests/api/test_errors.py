"""Promises about errors: at every face, for every way to be wrong, the one documented shape."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from jobs import accounts, events
from jobs.database import transaction
from tests.api.mistakes import MEDIA, NOBODY, OURS, SOLO, WAVESPEED
from tests.api.shapes import as_contract, as_ours
from tests.conftest import Member


def test_every_error_of_the_wavespeed_face_has_its_shape_its_status_and_its_code(
    client: TestClient, member: Member
) -> None:
    answered = {name: as_contract(ask(client, member.headers)) for name, (ask, _, _) in WAVESPEED.items()}
    assert answered == {name: (status, code) for name, (_, status, code) in WAVESPEED.items()}


def test_every_error_of_our_own_face_has_its_shape_its_status_and_its_field(client: TestClient, member: Member) -> None:
    answered = {name: as_ours(ask(client, member.headers)) for name, (ask, _, _, _) in OURS.items()}
    assert answered == {name: (status, code, field) for name, (_, status, code, field) in OURS.items()}


def test_nothing_that_was_refused_left_a_job(client: TestClient, member: Member) -> None:
    for ask in [ask for ask, *_ in WAVESPEED.values()] + [ask for ask, *_ in OURS.values()]:
        ask(client, member.headers)
    assert client.get("/v1/jobs", headers=member.headers).json()["jobs"] == []


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic eDp5", "Bearer duo_wrong", "Bearer \xff"]
)
def test_without_a_good_key_both_faces_say_the_same_401_whatever_was_wrong(
    client: TestClient, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    contract, ours = client.post(SOLO, headers=headers), client.post("/v1/jobs", headers=headers)
    assert as_contract(contract) == (401, "unauthorized")
    assert as_ours(ours) == (401, "unauthorized", None)
    assert contract.headers["WWW-Authenticate"] == ours.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_is_refused(client: TestClient, member: Member) -> None:
    with transaction() as session:
        accounts.revoke_key(session, member.caller.key_id)
    assert as_contract(client.post(SOLO, json=MEDIA, headers=member.headers)) == (401, "unauthorized")


def test_the_scheme_of_a_key_may_be_written_in_any_case(client: TestClient, member: Member) -> None:
    answer = client.get("/v1/jobs", headers={"Authorization": f"bEARER {member.key}"})
    assert answer.status_code == 200


def test_a_model_that_nobody_knows_asks_for_a_key_first(client: TestClient, member: Member) -> None:
    unknown = "/api/v3/wavespeed-ai/nothing"
    assert as_contract(client.post(unknown, json=MEDIA)) == (401, "unauthorized")
    assert as_contract(client.post(f"/api/v2/{unknown}", json=MEDIA)) == (401, "unauthorized")
    assert as_contract(client.post(unknown, json=MEDIA, headers=member.headers)) == (404, "not_found")
    assert as_contract(client.get(unknown)) == (404, "not_found")
    assert as_contract(client.put(f"/api/v3/predictions/{NOBODY}")) == (405, "method_not_allowed")
    assert as_ours(client.post("/v1/nothing")) == (404, "not_found", None)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (SOLO, "POST"),
        ("/api/v3/predictions/delete", "DELETE, GET, POST"),
        (f"/api/v3/predictions/{NOBODY}", "DELETE, GET"),
        (f"/api/v3/predictions/{NOBODY}/result", "GET"),
        ("/v1/account", "GET, PATCH"),
        (f"/v1/webhooks/{NOBODY}", "DELETE, GET, PATCH"),
        ("/v1/jobs", "GET, POST"),
    ],
)
def test_a_405_says_what_is_allowed(client: TestClient, path: str, allowed: str) -> None:
    answer = client.put(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, object]]]]:
    """Every event that is emitted meanwhile."""
    found: list[tuple[str, dict[str, object]]] = []

    def listener(name: str, facts: dict[str, object]) -> None:
        found.append((name, facts))

    events.listen(listener)
    yield found
    events._listeners.remove(listener)


@pytest.mark.usefixtures("database")
def test_a_crash_says_nothing_of_the_inside_and_is_recorded(heard: list[tuple[str, dict[str, object]]]) -> None:
    def crash() -> None:
        raise KeyError("secret")

    app = create_app()
    for path in ("/api/v3/crash", "/v1/crash"):
        app.add_api_route(path, crash)
    with TestClient(app) as client:
        contract, ours = client.get("/api/v3/crash"), client.get("/v1/crash")
    assert as_contract(contract) == (500, "internal")
    assert as_ours(ours) == (500, "internal", None)
    assert [name for name, _ in heard] == ["request.crashed", "request.crashed"]
    for answer, (_, facts) in zip((contract, ours), heard, strict=True):
        assert "secret" not in answer.text
        assert "KeyError" in str(facts["exception"])
        assert str(facts["request"]) in answer.text
