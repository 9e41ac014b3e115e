"""Accounts and their keys: who is calling, and which keys there are."""

import hashlib
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import ids
from jobs.errors import NotAuthenticated, NotFound
from jobs.tables import Account, ApiKey


@dataclass(frozen=True)
class Caller:
    """Who is asking: an account, through one of its keys."""

    account_id: uuid.UUID
    account: str
    key_id: uuid.UUID


def identify(session: Session, key: str) -> Caller:
    """Find out whose key this is. Raises NotAuthenticated for an unknown or revoked one."""
    found = session.execute(
        select(Account.id, Account.name, ApiKey.id)
        .join(ApiKey, ApiKey.account_id == Account.id)
        .where(ApiKey.digest == digest(key), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if found is None:
        raise unknown()
    return Caller(account_id=found[0], account=found[1], key_id=found[2])


def unknown() -> NotAuthenticated:
    """What to tell whoever comes with a key that is not found, or found revoked."""
    return NotAuthenticated("This API key is unknown or revoked; make one with `duologue keys create NAME`.")


def digest(key: str) -> bytes:
    """What is kept of a key. One round is enough: it carries 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(key.encode()).digest()


def create_key(session: Session, *, name: str, account: str) -> tuple[ApiKey, str]:
    """Make a key for `account`, which is made too if it is new. The text returned is never to be seen again."""
    key = ids.new_key()
    row = ApiKey(
        id=ids.new_id(), account_id=_account_named(session, account), name=name, digest=digest(key), hint=key[-4:]
    )
    session.add(row)
    session.flush()
    return row, key


def keys(session: Session) -> list[tuple[ApiKey, str]]:
    """Every key with its account's name, oldest first."""
    rows = session.execute(
        select(ApiKey, Account.name)
        .join(Account, ApiKey.account_id == Account.id)
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    return [(key, name) for key, name in rows]


def revoke_key(session: Session, key_id: uuid.UUID) -> None:
    """Refuse the key from now on. Raises NotFound when there is none of that id."""
    row = session.get(ApiKey, key_id)
    if row is None:
        raise NotFound(f"There is no key {key_id.hex}; `duologue keys list` shows them.")
    row.revoked_at = row.revoked_at or func.now()  # the database's clock


def webhook_secret(session: Session, caller: Caller) -> str:
    """What the caller's webhooks are signed with; drawn now where an older version of ours made the account."""
    session.execute(
        update(Account)
        .where(Account.id == caller.account_id, Account.webhook_secret.is_(None))
        .values(webhook_secret=ids.new_webhook_secret())
    )
    found = session.execute(select(Account.webhook_secret).where(Account.id == caller.account_id)).scalar_one()
    return str(found)


def _account_named(session: Session, name: str) -> uuid.UUID:
    new = insert(Account).values(id=ids.new_id(), name=name, webhook_secret=ids.new_webhook_secret())
    session.execute(new.on_conflict_do_nothing(index_elements=["name"]))
    return session.execute(select(Account.id).where(Account.name == name)).scalar_one()
