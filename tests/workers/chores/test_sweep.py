"""What a process that was killed while it stored something leaves in the bucket."""

import uuid
from datetime import timedelta

import pytest

from jobs import clock, events, storage
from jobs.accounts import Caller
from jobs.rules import keys
from tests.conftest import set_settings
from tests.fakes.bucket_proxy import BucketProxy
from workers.chores import sweep


def cut_off(bucket: str, key: str) -> str:
    """Begin to store an object in parts, and never go on."""
    client = storage._client()
    upload: str = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 5 * 2**20)
    return key


def left(bucket: str) -> set[str]:
    return {upload["Key"] for upload in storage._client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())}


def test_parts_that_were_cut_off_long_ago_are_swept_and_nothing_else(
    bucket: str, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = cut_off(bucket, keys.video(caller.account_id, uuid.uuid4(), 1))
    foreign = cut_off(bucket, f"{uuid.uuid4().hex}/backup")
    sweep.run_once()
    assert left(bucket) >= {ours, foreign}, "somebody may still be at it"
    monkeypatch.setattr(sweep, "_CUT_OFF", timedelta(hours=-1))
    assert sweep.run_once() >= 1
    assert left(bucket) & {ours, foreign} == {foreign}
    for key, upload in storage.cut_off(clock.now() + timedelta(hours=1)):
        storage.throw_away(key, upload)


def test_a_bucket_that_lists_no_parts_is_swept_all_the_same(
    database: dict[str, str], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(events, "_listeners", [lambda name, _facts: told.append(name)])
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.not_knowing("?uploads"):
            sweep.run_once()
        storage._client().close()
    assert told == ["sweep.incomplete"]
