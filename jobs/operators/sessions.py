"""Where operators are signed in: a random token in one browser's cookie, of which only the hash is kept."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from jobs import settings
from jobs.rules.roles import Role
from jobs.tables import Operator, OperatorSession

_NOTED_EVERY = timedelta(minutes=1)
"""How exactly the last use is known: a page need not write a row."""


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in with a token."""

    operator_id: uuid.UUID
    name: str
    role: Role
    has_password: bool


def begin(session: Session, operator_id: uuid.UUID, address: str) -> str:
    """Sign an operator in; the token to be kept in their browser. What has run out goes on this occasion."""
    chosen = settings.load()
    idle = timedelta(minutes=chosen.console_idle_minutes)
    over = (OperatorSession.expires_at < func.now()) | (OperatorSession.seen_at < func.now() - idle)
    session.execute(delete(OperatorSession).where(over))
    session.execute(update(Operator).where(Operator.id == operator_id).values(signed_in_at=func.now()))
    token = secrets.token_urlsafe(32)
    session.add(
        OperatorSession(
            digest=_digest(token),
            operator_id=operator_id,
            address=address,
            expires_at=func.now() + timedelta(hours=chosen.console_session_hours),
        )
    )
    return token


def seen(session: Session, token: str) -> SignedIn | None:
    """Who is signed in with this token, now seen again; None for a token that is unknown or has run out."""
    found = session.execute(
        select(Operator.id, Operator.name, Operator.role, Operator.password_hash.is_not(None), _is_stale())
        .join(OperatorSession, OperatorSession.operator_id == Operator.id)
        .where(_is_on(token))
    ).one_or_none()
    if found is None:
        return None
    operator_id, name, role, has_password, is_stale = found
    if is_stale:
        used = update(OperatorSession).where(OperatorSession.digest == _digest(token))
        session.execute(used.values(seen_at=func.now()))
    return SignedIn(operator_id, name, cast("Role", role), has_password=has_password)


def is_on(session: Session, token: str) -> bool:
    """Whether somebody is signed in with this token, who is not seen again by this."""
    return session.scalars(select(OperatorSession.operator_id).where(_is_on(token))).one_or_none() is not None


def sign_out(session: Session, token: str) -> None:
    """End the session of this token; one that is over stays over."""
    session.execute(delete(OperatorSession).where(OperatorSession.digest == _digest(token)))


def sign_out_everywhere(session: Session, operator_id: uuid.UUID) -> None:
    """End every session of an operator."""
    session.execute(delete(OperatorSession).where(OperatorSession.operator_id == operator_id))


def _is_on(token: str) -> ColumnElement[bool]:
    idle = timedelta(minutes=settings.load().console_idle_minutes)
    is_due = (OperatorSession.expires_at > func.now()) & (OperatorSession.seen_at > func.now() - idle)
    return (OperatorSession.digest == _digest(token)) & is_due


def _is_stale() -> ColumnElement[bool]:
    return OperatorSession.seen_at < func.now() - _NOTED_EVERY


def _digest(token: str) -> bytes:
    """One round is enough: the token carries 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
