"""A caller's own names for submissions: one name, one body, one effect."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import settings
from jobs.accounts import Caller
from jobs.errors import Conflict, WrongInput
from jobs.tables import IdempotencyKey

HEADER = "Idempotency-Key"
KEY_MAX_LETTERS = 255


def remember(session: Session, caller: Caller, key: str, body: Mapping[str, object], job_id: uuid.UUID) -> uuid.UUID:
    """Let `key` name `job_id`, unless it names a job already: the job it names from now on.

    Of two who come with one key at once the second waits here for the first's commit. Raises WrongInput for a key that
    cannot be one, Conflict when the key was used with another body.
    """
    if not 0 < len(key) <= KEY_MAX_LETTERS or not key.isprintable():
        raise WrongInput(
            f"Idempotency-Key must have 1 to {KEY_MAX_LETTERS} printable letters.", field="Idempotency-Key"
        )
    row = {
        "body_digest": _digest(body),
        "job_id": job_id,
        "expires_at": func.now() + timedelta(hours=settings.load().keep_idempotency_hours),
    }
    statement = insert(IdempotencyKey).values(account_id=caller.account_id, key=key, **row)
    ours = statement.on_conflict_do_update(
        index_elements=["account_id", "key"], set_=row, where=IdempotencyKey.expires_at < func.now()
    ).returning(IdempotencyKey.job_id)
    if session.execute(ours).one_or_none() is not None:
        return job_id
    named = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.account_id == caller.account_id, IdempotencyKey.key == key)
    ).one()
    if named.body_digest != row["body_digest"]:
        raise Conflict("This Idempotency-Key was used with another body; use a new key for a new job.")
    return named.job_id


def _digest(body: Mapping[str, object]) -> bytes:
    """SHA-256 of the body, the same for the same values in any order.

    What is empty or null is left out, so that a field that only newer code knows does not make it another body.
    """
    said = {name: value for name, value in body.items() if value not in (None, (), {}, "", False, 0)}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).digest()
