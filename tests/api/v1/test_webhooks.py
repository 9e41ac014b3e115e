"""Promises about endpoints and the log of deliveries, asked over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from jobs import accounts, lifecycle, webhooks
from jobs.database import transaction
from jobs.tables import Delivery, Endpoint
from tests import factories
from tests.api.open_door import wait_for
from tests.conftest import Member, set_settings

URL = "https://hooks.example.com/duologue"
EVENTS = ["job.completed", "job.failed"]


def register(client: TestClient, member: Member, **changes: object) -> dict[str, Any]:
    form = {"url": URL, "events": EVENTS} | changes
    answer = client.post("/v1/webhooks", json=form, headers=member.headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith(f"/v1/webhooks/{answer.json()['id']}")
    assert answer.headers["Cache-Control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def call(client: TestClient, member: Member, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
    answer = client.request(method, path, headers=member.headers, **more)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def give_up(endpoint_id: str) -> None:
    with transaction() as session:
        session.execute(update(Delivery).values(status="given_up", settled_at=datetime.now(UTC), reason="it was away"))


def completed(member: Member) -> str:
    job = factories.submit(member.caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim))
    return job.id.hex


def test_an_endpoint_lives(client: TestClient, member: Member) -> None:
    made = register(client, member, description="ours", concurrency=3)
    assert made["secret"].startswith("whsec_")
    place = f"/v1/webhooks/{made['id']}"
    shown = call(client, member, "GET", place)
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (shown["status"], shown["events"], shown["concurrency"]) == ("active", EVENTS, 3)
    assert call(client, member, "GET", f"{place}/secret") == {"secret": made["secret"]}
    assert call(client, member, "POST", f"{place}/pause")["status"] == "paused"
    assert call(client, member, "GET", "/v1/webhooks")["webhooks"][0]["status"] == "paused"
    assert call(client, member, "POST", f"{place}/resume")["status"] == "active"
    changed = call(client, member, "PATCH", place, json={"events": ["job.cancelled"], "url": f"{URL}/2"})
    assert (changed["events"], changed["url"], changed["description"]) == (["job.cancelled"], f"{URL}/2", "ours")
    assert call(client, member, "DELETE", place) is None
    assert client.get(place, headers=member.headers).status_code == 404
    assert call(client, member, "GET", "/v1/webhooks") == {"webhooks": []}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://10.0.0.1/"}, "url"),
        ({"url": "https://[::ffff:127.0.0.1]/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://user:word@hooks.example.com/"}, "url"),
        ({"url": "https://hooks.example.com:25/"}, "url"),
        ({"url": "ftp://hooks.example.com/"}, "url"),
        ({"url": ""}, "url"),
        ({"events": []}, "events"),
        ({"events": ["job.exploded"]}, "events"),
        ({"concurrency": 0}, "concurrency"),
        ({"description": "x" * 201}, "description"),
        ({"unheard": "of"}, "unheard"),
    ],
)
def test_a_form_that_cannot_work_is_refused_by_the_name_of_its_field(
    client: TestClient, member: Member, changes: dict[str, object], field: str
) -> None:
    form = {"url": URL, "events": EVENTS} | changes
    answer = client.post("/v1/webhooks", json=form, headers=member.headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
    assert answer.json()["error"]["message"].endswith(".")


def test_plain_http_is_for_networks_that_are_allowed(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"})
    register(client, member, url="http://127.0.0.1:3000/hook")
    refused = client.post("/v1/webhooks", json={"url": "http://10.0.0.1/", "events": EVENTS}, headers=member.headers)
    assert refused.status_code == 400


def test_no_account_has_endpoints_without_end(client: TestClient, member: Member) -> None:
    for _ in range(50):
        webhooks.register(member.caller, url=URL, kinds=EVENTS)
    refused = client.post("/v1/webhooks", json={"url": URL, "events": EVENTS}, headers=member.headers)
    assert refused.status_code == 409


def test_a_rotation_overlaps_and_an_accidental_second_one_is_refused(client: TestClient, member: Member) -> None:
    made = register(client, member)
    place = f"/v1/webhooks/{made['id']}/rotate"
    rotated = call(client, member, "POST", place, json={})
    assert rotated["secret"] != made["secret"]
    assert rotated["former_secret_until"] is not None
    assert client.post(place, json={}, headers=member.headers).status_code == 409
    ended = call(client, member, "POST", place, json={"overlap_seconds": 0})
    assert ended["former_secret_until"] is None
    assert len({made["secret"], rotated["secret"], ended["secret"]}) == 3


def test_a_test_is_owed_at_once_and_read_in_the_log(client: TestClient, member: Member) -> None:
    made = register(client, member)
    place = f"/v1/webhooks/{made['id']}"
    tested = call(client, member, "POST", f"{place}/test")
    assert (tested["event"], tested["status"], tested["webhook"]) == ("webhook.test", "owed", made["id"])
    told = call(client, member, "GET", f"/v1/deliveries/{tested['id']}")
    assert told["attempts"] == []
    assert told["request"]["url"] == URL
    assert told["request"]["body"]["type"] == "webhook.test"
    assert "webhook-signature" not in told["request"]["headers"]
    call(client, member, "POST", f"{place}/pause")
    assert client.post(f"{place}/test", headers=member.headers).status_code == 409


def test_the_log_shows_links_without_their_signature(client: TestClient, member: Member) -> None:
    made = register(client, member)
    job_id = completed(member)
    [listed] = call(client, member, "GET", f"/v1/jobs/{job_id}/deliveries")["deliveries"]
    [same] = call(client, member, "GET", f"/v1/webhooks/{made['id']}/deliveries")["deliveries"]
    assert listed == same
    told = client.get(f"/v1/deliveries/{listed['id']}", headers=member.headers)
    assert told.json()["request"]["body"]["data"]["output"]["link"].endswith(".mp4")
    for secret in ("X-Amz-Signature", made["secret"]):
        assert secret not in told.text


def test_a_key_that_only_reads_sees_no_query_of_a_url(client: TestClient, member: Member) -> None:
    register(client, member, url=f"{URL}?key=hush")
    job_id = completed(member)
    with transaction() as session:
        _, reading = accounts.create_key(session, name="reads", account="acme", scopes=["read"])
    [listed] = call(client, member, "GET", f"/v1/jobs/{job_id}/deliveries")["deliveries"]
    place = f"/v1/deliveries/{listed['id']}"
    assert call(client, member, "GET", place)["request"]["url"] == f"{URL}?key=hush"
    seen = client.get(place, headers={"Authorization": f"Bearer {reading}"})
    assert (seen.json()["request"]["url"], "hush" in seen.text) == (URL, False)


def test_a_deleted_job_is_no_longer_read_in_the_log_of_what_was_told_of_it(client: TestClient, member: Member) -> None:
    made = register(client, member)
    job_id = completed(member)
    [listed] = call(client, member, "GET", f"/v1/webhooks/{made['id']}/deliveries")["deliveries"]
    call(client, member, "DELETE", f"/api/v3/predictions/{job_id}")
    assert call(client, member, "GET", f"/v1/deliveries/{listed['id']}")["request"] is None


def test_the_log_is_read_page_by_page_and_by_status(client: TestClient, member: Member) -> None:
    made = register(client, member)
    for _ in range(3):
        webhooks.test(member.caller, webhooks.endpoints(member.caller)[0].id)
    place = f"/v1/webhooks/{made['id']}/deliveries"
    whole = call(client, member, "GET", place)
    assert whole["next_cursor"] is None
    first = call(client, member, "GET", f"{place}?limit=2")
    second = call(client, member, "GET", place, params={"limit": 2, "cursor": first["next_cursor"]})
    assert first["deliveries"] + second["deliveries"] == whole["deliveries"]
    assert call(client, member, "GET", f"{place}?status=given_up")["deliveries"] == []


def test_what_was_given_up_is_sent_again_one_by_one_or_all_since_a_time(client: TestClient, member: Member) -> None:
    made = register(client, member)
    begun_at = datetime.now(UTC)
    for _ in range(3):
        completed(member)
    give_up(made["id"])
    place = f"/v1/webhooks/{made['id']}"
    [first, *_] = call(client, member, "GET", f"{place}/deliveries")["deliveries"]
    assert (first["status"], first["reason"]) == ("given_up", "it was away")
    again = call(client, member, "POST", f"/v1/deliveries/{first['id']}/resend")
    assert (again["id"], again["status"], again["tries"]) == (first["id"], "owed", 0)
    later = {"since": datetime.now(UTC).isoformat()}
    assert call(client, member, "POST", f"{place}/replay", json=later) == {"count": 0}
    since = {"since": begun_at.replace(year=begun_at.year - 1).isoformat()}
    assert call(client, member, "POST", f"{place}/replay", json=since) == {"count": 2}
    refused = client.post(f"{place}/replay", json={"since": "yesterday"}, headers=member.headers)
    assert refused.status_code == 400


def test_where_there_is_a_url_nobody_can_listen(client: TestClient, member: Member) -> None:
    made = register(client, member)
    refused = client.post(f"/v1/webhooks/{made['id']}/listen", headers=member.headers)
    assert refused.status_code == 409


def test_endpoints_nobody_listens_to_go(member: Member, client: TestClient) -> None:
    made = register(client, member, url=None)
    assert webhooks.drop_unheard() == 0
    with transaction() as session:
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        session.execute(update(Endpoint).values(created_at=long_ago, pulled_at=None))
    assert webhooks.drop_unheard() == 1
    assert client.get(f"/v1/webhooks/{made['id']}", headers=member.headers).status_code == 404
    completed(member)
    wait_for(lambda: webhooks.give_up_old() == 0, "nothing is owed to nobody")
