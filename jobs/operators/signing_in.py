"""How an operator comes in: with a name and a password, counted before it is looked at, or through a provider."""

import hashlib
from datetime import timedelta
from ipaddress import IPv6Address, IPv6Network
from typing import Final

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import events
from jobs.database import transaction
from jobs.errors import NotAuthenticated, TooMany
from jobs.operators import passwords, roster, sessions
from jobs.rules import roles
from jobs.rules.roles import Role
from jobs.tables import Operator, SignInTally

WINDOW: Final = timedelta(minutes=15)
OF_NAME_MAX: Final = 10
OF_ADDRESS_MAX: Final = 30
"""Failures in one window; several people share an address."""


def sign_in(name: str, password: str, address: str) -> str:
    """The token of a new session.

    Raises TooMany after too many failures of that name or address, and NotAuthenticated, in the same words and after
    the same time, for a name that nobody has and for a wrong password.
    """
    name = roles.clean_name(name)
    of_name, of_address = _tally_of("name", name), _tally_of("address", _network_of(address))
    # Counted first, in a transaction of its own: many guesses at once count as many.
    with transaction() as session:
        _check_patience(_count(session, of_name) > OF_NAME_MAX or _count(session, of_address) > OF_ADDRESS_MAX)
    with transaction() as session:
        operator = _named(session, name)
        password_hash = operator.password_hash if operator else None
    if not passwords.is_right(password_hash, password[: roles.PASSWORD_MAX_LETTERS + 1]) or operator is None:
        events.emit("operator.refused", address=address)
        raise NotAuthenticated("That name and password do not belong together.")
    with transaction() as session:
        session.execute(delete(SignInTally).where(SignInTally.of.in_([of_name, of_address])))
        token = sessions.begin(session, operator.id, address)
    events.emit("operator.signed_in", operator=name, address=address)
    return token


def sign_in_with_provider(subject: str, name: str, role: Role, address: str) -> str:
    """The token of a new session for whom an identity provider has vouched. Raises WrongInput and Conflict."""
    with transaction() as session:
        token = sessions.begin(session, roster.met(session, subject, name, role), address)
    events.emit("operator.signed_in", operator=roles.clean_name(name), address=address)
    return token


def _named(session: Session, name: str) -> Operator | None:
    """Whose name it is; one that cannot be anybody's may hold what the database cannot be asked for."""
    if roles.why_not_name(name):
        return None
    return session.scalars(select(Operator).where(Operator.name == name)).one_or_none()


def _count(session: Session, of: bytes) -> int:
    """One more failure, until it turns out to be none; how many there are in this window."""
    session.execute(delete(SignInTally).where(SignInTally.began_at < func.now() - WINDOW, SignInTally.of != of))
    begins_anew = SignInTally.began_at < func.now() - WINDOW
    counted = insert(SignInTally).values(of=of, failures=1)
    counted = counted.on_conflict_do_update(
        index_elements=["of"],
        set_={
            "failures": case((begins_anew, 1), else_=SignInTally.failures + 1),
            "began_at": case((begins_anew, func.now()), else_=SignInTally.began_at),
        },
    )
    return session.execute(counted.returning(SignInTally.failures)).scalar_one()


def _check_patience(is_over: bool) -> None:  # noqa: FBT001 - a check
    if is_over:
        raise TooMany("Too many sign-ins have failed; wait a quarter of an hour.", retry_after_seconds=900)


def _network_of(address: str) -> str:
    """Whom an address stands for: whoever has one of IPv6 has all of its /64."""
    try:
        found = IPv6Address(address)
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Network((found, 64), strict=False))


def _tally_of(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"{kind}:{text}".encode()).digest()
