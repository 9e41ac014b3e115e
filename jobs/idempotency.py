"""A caller's own names for submissions: one name, one body, one effect."""

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from jobs.database import cursor_of
from jobs.errors import Conflict, WrongInput

HEADER = "Idempotency-Key"
KEY_MAX_LETTERS = 255

FullName = tuple[uuid.UUID, str]
"""An account and what it calls an order."""


@dataclass(frozen=True)
class Named:
    """What a name stands for: the job, and the digest of the body that made it."""

    job_id: uuid.UUID
    digest: bytes

    def check(self, digest: bytes) -> None:
        """Raises Conflict when the name was used with another body."""
        if self.digest != digest:
            raise Conflict("This Idempotency-Key was used with another body; use a new key for a new job.")


def check(name: str) -> None:
    """Raises WrongInput for a name that cannot be one."""
    if not 0 < len(name) <= KEY_MAX_LETTERS or not name.isprintable():
        raise WrongInput(
            f"Idempotency-Key must have 1 to {KEY_MAX_LETTERS} printable letters.", field="Idempotency-Key"
        )


def named(session: Session, names: Collection[FullName]) -> dict[FullName, Named]:
    """What each of these names of these accounts stands for; those that are free, or free again, are left out."""
    return read(cursor_of(session).execute(_NAMED, (written_out(names),)))


def written_out(names: Collection[FullName]) -> str | None:
    """These names as Postgres is asked for them; None where there are none."""
    return json.dumps([{"account_id": account_id.hex, "key": key} for account_id, key in names]) if names else None


def read(rows: Iterable[Any]) -> dict[FullName, Named]:
    """What was found out about names."""
    return {(row.account_id, row.key): Named(row.job_id, row.body_digest) for row in rows}


_NAMED = """
    SELECT account_id, key, body_digest, job_id FROM idempotency_keys
        JOIN json_to_recordset(%s::json) AS asked (account_id uuid, key text) USING (account_id, key)
    WHERE expires_at >= now()
"""


def digest(body: Mapping[str, object]) -> bytes:
    """SHA-256 of the body, the same for the same values in any order.

    What is empty or null is left out, so that a field that only newer code knows does not make it another body.
    """
    said = {name: value for name, value in body.items() if value not in (None, (), {}, "", False, 0)}
    return hashlib.sha256(_SORTED.encode(said).encode()).digest()


_SORTED = json.JSONEncoder(sort_keys=True, default=str)
