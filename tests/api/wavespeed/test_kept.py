"""Promises about the list of predictions, and about deleting them."""

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from jobs import history, lifecycle, listing, storage, uploads
from jobs.database import transaction
from jobs.errors import MediaError
from jobs.rules import keys
from tests import factories
from tests.api.rendering import VIDEO, complete
from tests.conftest import Member
from tests.past import let_go
from workers.chores import archive

LIST = "/api/v3/predictions"


def page(client: TestClient, member: Member, **wanted: object) -> list[dict[str, Any]]:
    answer = client.post(LIST, json={"page": 1, "page_size": 100} | wanted, headers=member.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["data"]["items"]
    return items


def listed(client: TestClient, member: Member, **wanted: object) -> list[str]:
    return [item["id"] for item in page(client, member, **wanted)]


def delete(client: TestClient, member: Member, *job_ids: str) -> int:
    answer = client.post(f"{LIST}/delete", json={"ids": job_ids}, headers=member.headers)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()["data"]) == ["deleted_count"]
    count: int = answer.json()["data"]["deleted_count"]
    return count


def test_pages_are_newest_first_and_join_without_a_gap(client: TestClient, member: Member) -> None:
    newest_first = [factories.submit(member.caller).id.hex for _ in range(5)][::-1]
    answer = client.post(LIST, json={"page": 2, "page_size": 2}, headers=member.headers).json()["data"]
    assert (list(answer), answer["page"]) == (["page", "items"], 2)
    pages = [listed(client, member, page=number, page_size=2) for number in (1, 2, 3, 4)]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:], []]


def test_what_is_listed_is_what_is_read(client: TestClient, member: Member, tmp_path: Path) -> None:
    job = factories.submit(member.caller)
    complete(tmp_path)
    [shown] = page(client, member)
    assert shown == client.get(f"{LIST}/{job.id.hex}", headers=member.headers).json()["data"]
    assert len(shown["outputs"]) == 1


def test_a_list_links_to_videos_that_are_read_as_base64(client: TestClient, member: Member, tmp_path: Path) -> None:
    factories.submit(member.caller, wants_base64=True)
    complete(tmp_path)
    [shown] = page(client, member)
    assert shown["outputs"][0].startswith("http")


def test_a_status_is_asked_for_in_the_contract_s_words(client: TestClient, member: Member, tmp_path: Path) -> None:
    completed = factories.submit(member.caller).id.hex
    complete(tmp_path)
    failed = factories.submit(member.caller).id.hex
    lifecycle.stumble(factories.claim(), MediaError("image", "is not a picture"))
    cancelled = factories.submit(member.caller).id
    lifecycle.cancel(member.caller, cancelled)
    processing = factories.submit(member.caller).id.hex
    factories.claim()
    created = factories.submit(member.caller).id.hex
    assert {word: listed(client, member, status=word) for word in ("created", "processing", "completed", "failed")} == {
        "created": [created],
        "processing": [processing],
        "completed": [completed],
        "failed": [cancelled.hex, failed],
    }
    for never_shown in ("cancelled", "timeout", "deleted"):
        assert listed(client, member, status=never_shown) == []
    for absent in (None, ""):
        assert len(listed(client, member, status=absent)) == 5


def test_a_model_and_a_time_narrow_the_list(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller)
    before, after = ((job.created_at + timedelta(seconds=by)).isoformat() for by in (-1, 1))
    assert listed(client, member, model=factories.MULTI, created_after=before, created_before=after) == [job.id.hex]
    assert listed(client, member, model="wavespeed-ai/infinitetalk") == []
    assert listed(client, member, created_after=after) == []
    assert listed(client, member, created_before=before.replace("+00:00", "Z")) == []
    day = job.created_at.date().isoformat()
    assert listed(client, member, created_after=day, created_before=day) == [job.id.hex]
    assert listed(client, member, created_after=f"{day}T00:00:00") == [job.id.hex]


def test_inputs_come_only_where_they_are_asked_for(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller, inputs={"left_audio": "UklGRg==", "prompt": "they talk"})
    [without] = page(client, member)
    assert "input" not in without
    [shown] = page(client, member, include_inputs=True)
    assert list(shown)[:4] == ["id", "model", "input", "outputs"]
    assert shown["input"] == factories.form(
        left_audio="sent inside the request", prompt="they talk", order="meanwhile", resolution="480p", seed=job.seed
    )


def test_inputs_are_shown_without_the_signature_that_opens_them(client: TestClient, member: Member) -> None:
    with transaction() as session:
        link = uploads.open_ticket(session, member.caller, "two.png", 5, None).download_url
    factories.submit(member.caller, inputs={"image": link})
    [shown] = page(client, member, include_inputs=True)
    assert shown["input"]["image"] == link.partition("?")[0] != link


def test_deleting_hides_what_is_final_and_passes_over_the_rest(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    final = factories.submit(member.caller).id.hex
    complete(tmp_path)
    running = factories.submit(member.caller).id.hex
    factories.claim()
    waiting = factories.submit(member.caller).id.hex
    assert delete(client, member, final, final, running, waiting, "0" * 32, "not an id") == 1
    assert listed(client, member) == [waiting, running]
    assert client.get(f"{LIST}/{final}/result", headers=member.headers).status_code == 404
    assert delete(client, member, final) == 0
    assert delete(client, member) == 0


def test_a_deleted_video_is_removed_at_the_next_turn_and_others_stay(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    deleted, kept = (factories.submit(member.caller) for _ in range(2))
    for _ in range(2):
        complete(tmp_path)
    assert delete(client, member, deleted.id.hex) == 1
    assert let_go() == [deleted.id]
    assert archive.run_once() == 1
    assert list(storage.keys_below(keys.job(member.caller.account_id, deleted.id))) == []
    [output] = storage.keys_below(keys.job(member.caller.account_id, kept.id))
    assert storage.size(output) == len(VIDEO)
    assert archive.run_once() == 0


def test_a_deletion_is_the_last_word_of_a_history_that_still_holds(
    client: TestClient, member: Member, tmp_path: Path
) -> None:
    completed, cancelled = (factories.submit(member.caller) for _ in range(2))
    complete(tmp_path)
    lifecycle.cancel(member.caller, cancelled.id)
    for job in (completed, cancelled):
        assert delete(client, member, job.id.hex) == 1
        assert [event.kind for event in listing.timeline(job)][-1] == "job.deleted"
    assert [found.invariant for found in history.check(with_bucket=True) if found.verdict == "broken"] == []


def test_a_name_whose_job_was_deleted_makes_no_second_one(client: TestClient, member: Member, tmp_path: Path) -> None:
    headers = member.headers | {"Idempotency-Key": "order-1"}
    first = client.post(f"/api/v3/{factories.MULTI}", json=factories.form(), headers=headers).json()["data"]["id"]
    complete(tmp_path)
    assert delete(client, member, first) == 1
    again = client.post(f"/api/v3/{factories.MULTI}", json=factories.form(), headers=headers)
    assert (again.status_code, again.json()["error_code"]) == (404, "not_found")
    assert listed(client, member) == []


@pytest.mark.parametrize("path", ["/api/v2/predictions", "/api/v3//predictions", "/api/v3/api/v3/predictions/"])
def test_trap_8_predictions_is_a_list_however_it_is_spelt(client: TestClient, member: Member, path: str) -> None:
    job = factories.submit(member.caller)
    answer = client.post(path, json={"page": 1, "page_size": 1}, headers=member.headers)
    assert uuid.UUID(answer.json()["data"]["items"][0]["id"]) == job.id
