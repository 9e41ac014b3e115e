"""Uploads nobody needs, and names that are free again."""

import uuid
from pathlib import Path

import pytest

from jobs import failures, lifecycle, storage, submission, uploads
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.submission import Wish
from jobs.tables import Upload
from tests import factories
from tests.conftest import set_settings
from tests.fakes.bucket_proxy import BucketProxy
from tests.past import execute
from workers.chores import prune


def put_up(caller: Caller, folder: Path) -> Upload:
    with transaction() as session:
        upload = uploads.register(session, caller, "voice.wav", 5, None)
    (folder / "voice.wav").write_bytes(b"voice")
    storage.put(folder / "voice.wav", upload.object_key, "audio/wav")
    return upload


def age(upload: Upload, days: float) -> None:
    execute(
        "UPDATE uploads SET expires_at = expires_at - make_interval(secs => :seconds) WHERE id = :id",
        seconds=days * 86_400,
        id=upload.id,
    )


def remembered() -> set[uuid.UUID]:
    return {row.id for row in execute("SELECT id FROM uploads")}


def test_an_upload_stays_for_as_long_as_a_job_may_take_that_names_it(
    bucket: str, caller: Caller, tmp_path: Path
) -> None:
    old, fresh = put_up(caller, tmp_path), put_up(caller, tmp_path)
    age(old, 18.9)  # its link ended after seven days, a job that was ordered just then may take twelve
    assert prune.run_once() == 0
    age(old, 0.2)
    assert prune.run_once() == 1
    assert storage.size(old.object_key) is None
    assert storage.size(fresh.object_key) == len(b"voice")
    assert remembered() == {fresh.id}


def test_a_ticket_that_was_never_used_expires_too(bucket: str, caller: Caller) -> None:
    with transaction() as session:
        ticket = uploads.open_ticket(session, caller, "voice.wav", 5, None)
    age(ticket.upload, 20)
    assert prune.run_once() == 1
    assert remembered() == set()


def test_a_bucket_that_refuses_keeps_the_upload_in_the_book(
    bucket: str, caller: Caller, tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = put_up(caller, tmp_path)
    age(upload, 20)
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.failing(403):
            assert prune.run_once() == 0
        assert remembered() == {upload.id}
        assert prune.run_once() == 1
        assert storage.size(upload.object_key) is None
        storage._client().close()


def test_a_name_is_free_again_when_its_time_is_over(bucket: str, caller: Caller) -> None:
    wish = Wish(model=factories.MULTI, inputs=factories.form())
    first = submission.submit(caller, wish, "order-1")
    assert prune.run_once() == 0
    assert submission.submit(caller, wish, "order-1").id == first.id
    execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 s'")
    assert prune.run_once() == 1
    assert submission.submit(caller, wish, "order-1").id != first.id


def test_a_kind_of_failure_is_forgotten_with_the_last_job_that_met_it_unless_it_is_ignored(
    bucket: str, caller: Caller
) -> None:
    for sentence in ("it came apart", "the cat sat on it"):
        factories.submit(caller)
        lifecycle.stumble(factories.claim(), EngineError(sentence, permanent=True))
    assert prune.run_once() == 0
    execute("UPDATE error_groups SET ignored_at = now() WHERE sentence LIKE '%cat%'")
    execute("UPDATE jobs SET error_group = NULL")  # as if they were in the archive
    assert prune.run_once() == 1
    with transaction() as session:
        assert [len(failures.known(session, standing)) for standing in failures.STANDINGS] == [0, 0, 1]
