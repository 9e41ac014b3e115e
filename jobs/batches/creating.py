"""Accepts batches: writes down what is asked and where its lines are; a worker reads them later."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, func, select, update
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from jobs import events, idempotency, ids, settings, storage, uploads
from jobs.accounts import Caller
from jobs.batches import looking, retrying
from jobs.database import after_commit, transaction
from jobs.errors import Conflict, TooLarge, WrongInput
from jobs.rules import keys
from jobs.rules.batches import ARRAY_MAX, FILE_MAX_BYTES, Policy, Status
from jobs.tables import Batch, Upload

_FILENAME = "requests.jsonl"
_JSONL = "application/jsonl"


@dataclass(frozen=True)
class BatchWish:
    """What a caller asks of a batch, whatever its lines are; `options` are for lines that do not say otherwise."""

    on_bad_lines: Policy = "reject_all"
    is_validate_only: bool = False
    is_probing: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    budget_usd: Decimal | None = None
    deadline_seconds: int | None = None
    webhook_url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def create_from_file(
    caller: Caller, wish: BatchWish, link: str, idempotency_key: str | None = None
) -> tuple[Batch, bool]:
    """Accept a batch whose lines are in a file that the account uploaded; beside it, whether it is new.

    Raises WrongInput when `link` is none of the account's uploads, TooLarge, and Conflict when the key named another.
    """
    upload = _upload(caller, link)
    if upload.size_bytes > FILE_MAX_BYTES:
        raise TooLarge(f"The file has {upload.size_bytes} bytes; a batch at most {FILE_MAX_BYTES}.", field="input_file")
    return _create(caller, wish, idempotency_key, {"input_file": upload.object_key}, input_key=upload.object_key)


def create_from_array(
    caller: Caller, wish: BatchWish, requests: Sequence[object], idempotency_key: str | None = None
) -> tuple[Batch, bool]:
    """As `create_from_file`, with the lines in the request: they are put into the bucket, and read there."""
    if not 0 < len(requests) <= ARRAY_MAX:
        raise WrongInput(f"requests must have 1 to {ARRAY_MAX} lines; send more as input_file.", field="requests")
    asked: dict[str, object] = {"requests": list(requests)}
    if (before := _named(caller, idempotency_key, _digest(wish, asked))) is not None:
        return before, False
    return _create(caller, wish, idempotency_key, asked, input_key=_put(caller, requests))


def retry(caller: Caller, batch_id: uuid.UUID | None, idempotency_key: str | None = None) -> tuple[Batch, bool]:
    """Order the failed jobs of a final batch once more, as a batch of its own; beside it, whether it is new.

    It has as long as the old one had, and what is left of its budget. Raises NotFound, and Conflict while the batch
    is not final, while a retry of it or of its kin is being read, or when no failed job of it is left.
    """
    asked: dict[str, object] = {"retry_of": batch_id.hex if batch_id else ""}
    if (before := _named(caller, idempotency_key, _digest(BatchWish(), asked))) is not None:
        return before, False
    old = looking.batch(caller, batch_id)
    wish = BatchWish(
        on_bad_lines="take_good",
        deadline_seconds=None if old.expires_at is None else round((old.expires_at - old.created_at).total_seconds()),
        webhook_url=old.webhook_url,
        metadata=old.metadata_,
    )
    return _create(caller, wish, idempotency_key, asked, retry_of=old.id, digest=_digest(BatchWish(), asked))


def _create(
    caller: Caller,
    wish: BatchWish,
    name: str | None,
    asked: Mapping[str, object],
    *,
    input_key: str | None = None,
    retry_of: uuid.UUID | None = None,
    digest: bytes | None = None,
) -> tuple[Batch, bool]:
    body_digest = digest or _digest(wish, asked)
    if (before := _named(caller, name, body_digest)) is not None:
        return before, False
    with transaction() as session:
        if name is not None:
            session.execute(_free_again(caller, name))
        if retry_of is not None:
            old = looking.own(session, caller, retry_of)
            retrying.check(session, old, name)
            wish = replace(wish, budget_usd=retrying.left_usd(session, old))
        new = _row(caller, wish, input_key=input_key, retry_of=retry_of, name=name, digest=body_digest)
        made = session.scalars(new.on_conflict_do_nothing().returning(Batch)).one_or_none()
        if made is not None:
            after_commit(session, lambda: events.emit("batch.created", batch=made.id.hex, account=caller.account))
            return made, True
    # Somebody took the name while we looked.
    before = _named(caller, name, body_digest)
    if before is None:
        raise Conflict("The batch this Idempotency-Key named has just left; send the request again.")
    return before, False


def _row(
    caller: Caller,
    wish: BatchWish,
    *,
    input_key: str | None,
    retry_of: uuid.UUID | None,
    name: str | None,
    digest: bytes,
) -> Insert:
    expires_at = None if wish.deadline_seconds is None else func.now() + timedelta(seconds=wish.deadline_seconds)
    return insert(Batch).values(
        id=ids.new_id(),
        account_id=caller.account_id,
        key_id=caller.key_id,
        input_key=input_key,
        retry_of=retry_of,
        idempotency_key=name,
        body_digest=digest if name is not None else None,
        on_bad_lines=wish.on_bad_lines,
        is_validate_only=wish.is_validate_only,
        is_probing=wish.is_probing,
        options=dict(wish.options),
        budget_usd=wish.budget_usd,
        webhook_url=wish.webhook_url,
        metadata_=dict(wish.metadata),
        status=Status.VALIDATING,
        expires_at=expires_at,
    )


def _named(caller: Caller, name: str | None, digest: bytes) -> Batch | None:
    """What the name stands for already. Raises WrongInput, and Conflict when it named something else."""
    if name is None:
        return None
    idempotency.check(name)
    named = select(Batch).where(_is_named(caller, name), ~_is_over())
    with transaction() as session:
        before = session.scalars(named).one_or_none()
    if before is not None and before.body_digest != digest:
        raise Conflict("This Idempotency-Key was used with another body; use a new key for a new batch.")
    return before


def _free_again(caller: Caller, name: str) -> Update:
    """Have the name be free if its time is over."""
    return update(Batch).where(_is_named(caller, name), _is_over()).values(idempotency_key=None, body_digest=None)


def _is_named(caller: Caller, name: str) -> ColumnElement[bool]:
    return and_(Batch.account_id == caller.account_id, Batch.idempotency_key == name)


def _is_over() -> ColumnElement[bool]:
    return Batch.created_at < func.now() - timedelta(hours=settings.load().keep_idempotency_hours)


def _digest(wish: BatchWish, asked: Mapping[str, object]) -> bytes:
    return idempotency.digest({**vars(wish), **asked})


def _upload(caller: Caller, link: str) -> Upload:
    with transaction() as session:
        found = _upload_at(session, caller, storage.own_key(link) or "")
    if found is None:
        sentence = "input_file must be the download_url of a file that this account uploaded."
        raise WrongInput(sentence, field="input_file")
    return found


def _upload_at(session: Session, caller: Caller, key: str) -> Upload | None:
    if not keys.is_of(caller.account_id, key):
        return None
    own = select(Upload).where(Upload.account_id == caller.account_id, Upload.object_key == key)
    return session.scalars(own).one_or_none()


def _put(caller: Caller, requests: Sequence[object]) -> str:
    """Put the lines into the bucket, as an upload of the account; their key."""
    with TemporaryDirectory(prefix="duologue-batch-") as folder:
        path = Path(folder) / _FILENAME
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in requests)
        with transaction() as session:
            # Written down first: what is not in the book is never removed from the bucket.
            row = uploads.register(session, caller, _FILENAME, path.stat().st_size, _JSONL)
        storage.put(path, row.object_key, row.content_type, read_seconds=storage.CALLER_WAITS_SECONDS)
    return row.object_key
