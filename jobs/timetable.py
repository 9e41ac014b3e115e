"""When each recurring chore is due: whoever moves it on runs it, and nobody else does until it is due again."""

from datetime import timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from jobs.database import transaction
from jobs.tables import Chore


def take(name: str, every_seconds: float) -> bool:
    """Whether the caller is the one to run `name` now. Two who ask at once get one yes between them."""
    due_at = func.now() + timedelta(seconds=every_seconds)
    due = update(Chore).where(Chore.name == name, Chore.due_at <= func.now()).values(due_at=due_at)
    new = insert(Chore).values(name=name, due_at=due_at).on_conflict_do_nothing()
    with transaction() as session:
        is_taken = session.scalars(due.returning(Chore.name)).one_or_none() is not None
        return is_taken or session.scalars(new.returning(Chore.name)).one_or_none() is not None


def tick_off(name: str, done: int, took_ms: int) -> None:
    """Write down that `name` came to its end."""
    with transaction() as session:
        session.execute(update(Chore).where(Chore.name == name).values(ran_at=func.now(), done=done, took_ms=took_ms))


def chores() -> list[Chore]:
    with transaction() as session:
        return list(session.scalars(select(Chore).order_by(Chore.name)))
