"""The operators there are: made, given passwords and roles, and removed; inside the caller's transaction."""

import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs import ids
from jobs.errors import Conflict, NotFound, WrongInput
from jobs.operators import passwords, sessions
from jobs.rules import roles
from jobs.rules.roles import Role
from jobs.tables import Operator


def everybody(session: Session) -> list[Operator]:
    """Every operator, by name."""
    return list(session.scalars(select(Operator).order_by(Operator.name)))


def named(session: Session, name: str) -> Operator:
    """Raises NotFound."""
    found = session.scalars(select(Operator).where(Operator.name == roles.clean_name(name))).one_or_none()
    if found is None:
        raise NotFound(f"There is no operator {name}; `duologue operators list` shows them.")
    return found


def create(session: Session, name: str, role: Role, password: str) -> Operator:
    """Make an operator who signs in with a password. Raises WrongInput, and Conflict when the name is taken."""
    name = _checked_name(name)
    _check_password(password, name)
    new = insert(Operator).values(
        id=ids.new_id(), name=name, role=role, password_hash=passwords.hashed(password), subject=None
    )
    made = session.scalars(new.on_conflict_do_nothing(index_elements=["name"]).returning(Operator)).one_or_none()
    if made is None:
        raise Conflict(f"There is an operator {name} already; `duologue operators passwd {name}` changes the password.")
    return made


def set_password(session: Session, operator: Operator, password: str) -> None:
    """Give an operator another password, and sign them out everywhere.

    Raises WrongInput, and Conflict for one who signs in with an identity provider.
    """
    if operator.password_hash is None:
        raise Conflict(f"{operator.name} signs in with the identity provider, and has no password here.")
    _check_password(password, operator.name)
    operator.password_hash = passwords.hashed(password)
    sessions.sign_out_everywhere(session, operator.id)


def set_role(operator: Operator, role: Role) -> None:
    """What an operator may do from the next request on; with a provider, only until they sign in again."""
    operator.role = role


def remove(session: Session, operator: Operator) -> None:
    """Let somebody in no more; they are signed out at once, and stay in the audit log by name."""
    session.delete(operator)
    session.flush()


def met(session: Session, subject: str, name: str, role: Role) -> uuid.UUID:
    """The operator whom an identity provider calls `subject`, made when new, with the role of today.

    Raises WrongInput for a name that cannot be, and Conflict when somebody else has it.
    """
    name = _checked_name(name)
    new = insert(Operator).values(id=ids.new_id(), name=name, role=role, password_hash=None, subject=subject)
    session.execute(new.on_conflict_do_nothing())
    found = session.scalars(select(Operator).where(Operator.subject == subject)).one_or_none()
    if found is None:
        raise Conflict(f"There is another operator called {name}, who is not the one the identity provider means.")
    found.role = role
    return found.id


def _checked_name(text: str) -> str:
    name = roles.clean_name(text)
    if reason := roles.why_not_name(name):
        raise WrongInput(reason, field="name")
    return name


def _check_password(password: str, name: str) -> None:
    if reason := roles.why_not_password(password, name):
        raise WrongInput(reason, field="password")
