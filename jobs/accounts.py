"""Accounts and their keys: who is calling, what they may do, and which keys there are."""

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import namedtuple_row
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import ids
from jobs.database import cursor_of, single_statements
from jobs.errors import NotAllowed, NotAuthenticated, NotFound
from jobs.rules.limits import Terms
from jobs.rules.scopes import ALL, Scope
from jobs.tables import Account, ApiKey


@dataclass(frozen=True)
class Caller:
    """Who is asking: an account, through one of its keys, and what both may do."""

    account_id: uuid.UUID
    account: str
    key_id: uuid.UUID
    scopes: frozenset[str] = frozenset(ALL)
    terms: Terms = field(default_factory=Terms)

    def require(self, scope: Scope) -> None:
        """Raises NotAllowed when the key lacks the right."""
        if scope not in self.scopes:
            raise lacking(scope)


def identify(session: Session, key: str) -> Caller:
    """Find out whose key this is. Raises NotAuthenticated for an unknown or revoked one."""
    row = cursor_of(session).execute(_OF_DIGESTS, (digest(key).hex(),)).fetchone()
    if row is None:
        raise unknown()
    return _caller_of(row)


def identify_all(keys: Sequence[str]) -> list[Caller | NotAuthenticated]:
    """Whose keys these are, in order, with one question for all; an error for each that is unknown or revoked."""
    digests = [digest(key).hex() for key in keys]
    with single_statements() as plain, plain.connection.cursor(row_factory=namedtuple_row) as cursor:
        # One text: the driver takes its time over every element of an array.
        rows = cursor.execute(_OF_DIGESTS, (" ".join(set(digests)),)).fetchall()
    known = {row.digest: _caller_of(row) for row in rows}  # type: ignore[attr-defined]  # named by the question
    return [known.get(one) or unknown() for one in digests]


def still_allowed(session: Session, key_ids: Collection[uuid.UUID], scope: Scope) -> set[uuid.UUID]:
    """Which of these keys work and have the right: asked again on behalf of callers who stay for long."""
    working = select(ApiKey.id).where(ApiKey.id.in_(key_ids), ApiKey.revoked_at.is_(None))
    return set(session.scalars(working.where(ApiKey.scopes.contains([scope]))))


def owner(session: Session, account_id: uuid.UUID, key_id: uuid.UUID) -> Caller:
    """Whoever owns something, as if they called with the key they made it with: for what operators do in their place.

    Whether that key still works does not matter.
    """
    account = session.get_one(Account, account_id)
    return Caller(account.id, account.name, key_id, frozenset(ALL), terms_of(account))


def unknown() -> NotAuthenticated:
    """What to tell whoever comes with a key that is not found, or found revoked."""
    return NotAuthenticated("This API key is unknown or revoked; make one with `duologue keys create NAME`.")


def lacking(scope: str) -> NotAllowed:
    """What to tell whoever comes with a key that may not do this."""
    return NotAllowed(f"This API key has no right to {scope}; use one that has, or make it with `--scope {scope}`.")


def digest(key: str) -> bytes:
    """What is kept of a key. One round is enough: it carries 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(key.encode()).digest()


def create_key(
    session: Session, *, name: str, account: str, scopes: Collection[Scope] = ALL, key_id: uuid.UUID | None = None
) -> tuple[ApiKey, str]:
    """Make a key for `account`, which is made too if it is new. The text returned is never to be seen again."""
    key = ids.new_key()
    row = ApiKey(
        id=key_id or ids.new_id(),
        account_id=_account_named(session, account),
        name=name,
        scopes=[scope for scope in ALL if scope in scopes],
        digest=digest(key),
        hint=key[-4:],
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


def terms_of(account: Account) -> Terms:
    """What the account is allowed; a row may stand for it that has the same columns."""
    return Terms(
        is_prepaid=account.is_prepaid,
        submits_per_minute=account.submits_per_minute,
        running_max=account.running_max,
        waiting_max=account.waiting_max,
        models=None if account.models is None else frozenset(account.models),
        engines=None if account.engines is None else frozenset(account.engines),
        budget_soft_usd=account.budget_soft_usd,
        budget_hard_usd=account.budget_hard_usd,
    )


_OF_DIGESTS = """
    SELECT asked.digest, api_keys.id AS key_id, scopes, accounts.id, accounts.name, is_prepaid, submits_per_minute,
        running_max, waiting_max, models, engines, budget_soft_usd, budget_hard_usd
    FROM unnest(string_to_array(%s, ' ')) AS asked (digest)
    JOIN api_keys ON api_keys.digest = decode(asked.digest, 'hex') AND api_keys.revoked_at IS NULL
    JOIN accounts ON accounts.id = api_keys.account_id
"""


def _caller_of(row: Any) -> Caller:  # noqa: ANN401 - the driver makes the class of its rows as they come
    return Caller(row.id, row.name, row.key_id, frozenset(row.scopes), terms_of(row))


def _account_named(session: Session, name: str) -> uuid.UUID:
    new = insert(Account).values(id=ids.new_id(), name=name, webhook_secret=ids.new_webhook_secret())
    session.execute(new.on_conflict_do_nothing(index_elements=["name"]))
    return session.execute(select(Account.id).where(Account.name == name)).scalar_one()
