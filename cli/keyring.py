"""The keys in the database, for the desk: each function is one transaction."""

from collections.abc import Collection
from typing import Any

from cli import signature
from jobs import accounts, audit, ids
from jobs.database import transaction
from jobs.errors import NotFound
from jobs.rules.scopes import ALL, Scope

DEFAULT_ACCOUNT = "default"

Row = dict[str, Any]


def create(name: str, account: str = DEFAULT_ACCOUNT, scopes: Collection[Scope] = ALL) -> tuple[str, str]:
    """Make a key for an account, new or old: the key's id and the key itself, which is kept nowhere."""
    with transaction() as session:
        row, key = accounts.create_key(session, name=name, account=account, scopes=scopes)
        facts: dict[str, Any] = {"key": row.id.hex, "name": name, "scopes": list(scopes)}
        audit.note(session, signature.actor(), "key.create", account, **facts)
    return row.id.hex, key


def rows() -> list[Row]:
    """Every key without its secret, oldest first."""
    with transaction() as session:
        return [
            {
                "id": key.id.hex,
                "name": key.name,
                "account": account,
                "scopes": key.scopes,
                "ends_in": key.hint,
                "created_at": key.created_at,
                "revoked_at": key.revoked_at,
            }
            for key, account in accounts.keys(session)
        ]


def revoke(key_id: str) -> None:
    """Refuse the key from now on. Raises NotFound."""
    parsed = ids.parse(key_id)
    if parsed is None:
        raise NotFound(f"{key_id} is not a key's id; `duologue keys list` shows them.")
    with transaction() as session:
        accounts.revoke_key(session, parsed)
        audit.note(session, signature.actor(), "key.revoke", key_id, key=key_id)
