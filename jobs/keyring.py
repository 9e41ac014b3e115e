"""An account's own keys, as one of them makes, lists and revokes them; never gives a right that the giver lacks."""

import uuid
from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import accounts
from jobs.accounts import Caller
from jobs.errors import Conflict, NotAllowed, NotFound
from jobs.rules.scopes import Scope
from jobs.tables import Account, ApiKey

KEYS_MAX = 100
"""Keys of one account that work at once."""


def make(
    session: Session, caller: Caller, name: str, scopes: Collection[Scope], key_id: uuid.UUID | None = None
) -> tuple[ApiKey, str]:
    """Make a key for the caller's account. The text returned is never to be seen again.

    Raises NotAllowed for a scope that the caller's own key lacks, Conflict when there are enough keys, or one of this
    id already.
    """
    if lacking := [scope for scope in scopes if scope not in caller.scopes]:
        raise NotAllowed(f"This API key has no right to {lacking[0]}, so that it cannot give it.", field="scopes")
    _lock(session, caller)
    if key_id is not None and (made := session.get(ApiKey, key_id)) is not None:
        raise Conflict(f"The key {made.name} is made and was shown; if nobody has it, revoke it and make another.")
    if len(_working(session, caller)) >= KEYS_MAX:
        raise Conflict(f"The account has {KEYS_MAX} keys that work, which is the most; revoke one first.")
    return accounts.create_key(session, name=name, account=caller.account, scopes=scopes, key_id=key_id)


def page(session: Session, caller: Caller, *, older_than: uuid.UUID | None = None, limit: int = 50) -> list[ApiKey]:
    """The account's keys, newest first, revoked ones too."""
    own = select(ApiKey).where(ApiKey.account_id == caller.account_id)
    if older_than is not None:
        own = own.where(ApiKey.id < older_than)
    return list(session.scalars(own.order_by(ApiKey.id.desc()).limit(limit)))


def revoke(session: Session, caller: Caller, key_id: uuid.UUID | None, *, even_the_last: bool = False) -> ApiKey:
    """Refuse a key of the caller's account from now on; doing so twice changes nothing.

    Raises NotFound, and Conflict for the last key that may manage the account, unless that is meant.
    """
    _lock(session, caller)
    own = select(ApiKey).where(ApiKey.id == key_id, ApiKey.account_id == caller.account_id)
    row = session.scalars(own).one_or_none()
    if row is None:
        raise NotFound("There is no such key.")
    if row.revoked_at is None:
        others = [key for key in _working(session, caller) if key.id != row.id and "manage" in key.scopes]
        if "manage" in row.scopes and not others and not even_the_last:
            raise Conflict(
                "This is the last key that may manage the account, and without one only an operator can make keys; "
                "make another first, or say even_the_last=true."
            )
        row.revoked_at = func.now()
        session.flush()
        session.refresh(row)
    return row


def _working(session: Session, caller: Caller) -> list[ApiKey]:
    own = select(ApiKey).where(ApiKey.account_id == caller.account_id, ApiKey.revoked_at.is_(None))
    return list(session.scalars(own))


def _lock(session: Session, caller: Caller) -> None:
    """One change of keys at a time, or two keys could revoke each other; jobs are taken meanwhile."""
    own = select(Account.id).where(Account.id == caller.account_id)
    session.execute(own.with_for_update(key_share=True))
