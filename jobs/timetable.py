"""When each recurring chore is due: whoever moves it on runs it, and nobody else does until it is due again."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs import settings
from jobs.database import transaction
from jobs.tables import Chore

_MISSED_MAX = 24
"""So many turns of the watchful chores without an end, and nobody can be keeping the timetable."""


def take(name: str, every_seconds: float) -> bool:
    """Whether the caller is the one to run `name` now. Two who ask at once get one yes between them."""
    due_at = func.now() + timedelta(seconds=every_seconds)
    due = update(Chore).where(Chore.name == name, Chore.due_at <= func.now()).values(due_at=due_at)
    new = insert(Chore).values(name=name, due_at=due_at).on_conflict_do_nothing()
    with transaction() as session:
        is_taken = session.scalars(due.returning(Chore.name)).one_or_none() is not None
        return is_taken or session.scalars(new.returning(Chore.name)).one_or_none() is not None


def give_back(name: str, in_seconds: float = 0.0) -> None:
    """The turn came to nothing: `name` is due again so soon."""
    due_at = func.now() + timedelta(seconds=in_seconds)
    with transaction() as session:
        session.execute(update(Chore).where(Chore.name == name).values(due_at=due_at))


def tick_off(name: str, done: int, took_ms: int) -> None:
    """Write down that `name` came to its end."""
    with transaction() as session:
        session.execute(update(Chore).where(Chore.name == name).values(ran_at=func.now(), done=done, took_ms=took_ms))


def is_kept() -> bool:
    """Whether any chore came to its end lately, by whoever."""
    since = func.now() - timedelta(seconds=_MISSED_MAX * settings.load().chore_seconds)
    with transaction() as session:
        return session.scalar(select(func.max(Chore.ran_at) >= since)) or False


def chores() -> list[Chore]:
    with transaction() as session:
        return list(session.scalars(select(Chore).order_by(Chore.name)))
