"""Writes down what operators change: before it is made, so that nothing is changed without, and how it came out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.errors import DuologueError
from jobs.tables import AuditEntry, Json

DONE = "done"


@dataclass(frozen=True)
class Actor:
    """Who changes something, and from where."""

    name: str
    origin: str


@contextmanager
def recorded(actor: Actor, action: str, subject: str, **detail: object) -> Iterator[Json]:
    """Note that `actor` does `action` to `subject`, then have it done, then note how that came out.

    What is put into the dict that this yields is added to the detail. No transaction is open meanwhile: whatever is
    done opens its own. What is refused is noted too, with the sentence; what we died or crashed over has no outcome.
    """
    with transaction() as session:
        entry_id = note(session, actor, action, subject, outcome=None, **detail)
    found: Json = {}
    try:
        yield found
    except DuologueError as error:
        _settle(entry_id, str(error), detail | found)
        raise
    _settle(entry_id, DONE, detail | found)


def note(
    session: Session, actor: Actor, action: str, subject: str, *, outcome: str | None = DONE, **detail: object
) -> int:
    """Note something in the transaction that does it; the entry's id."""
    entry = AuditEntry(
        operator=actor.name, origin=actor.origin, action=action, subject=subject, detail=detail, outcome=outcome
    )
    session.add(entry)
    session.flush()
    return entry.id


def entries(
    session: Session,
    *,
    operator: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """What was changed, newest first; what is None does not matter. An action may be given by its first word."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if operator is not None:
        query = query.where(AuditEntry.operator == operator)
    if action is not None:
        query = query.where((AuditEntry.action == action) | AuditEntry.action.startswith(f"{action}.", autoescape=True))
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    return list(session.scalars(query))


def _settle(entry_id: int, outcome: str, detail: Json) -> None:
    with transaction() as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == entry_id).values(outcome=outcome, detail=detail))
