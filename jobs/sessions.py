"""What holds in every session of ours in Postgres, whoever lends them out, and how many there may be."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

HABITS: Final = {"timezone": "UTC", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "1min"}
"""No statement keeps others waiting for longer, and no transaction that was left open."""

LESSONS: Final = tuple(
    f"""
    DO $$ BEGIN
        EXECUTE format('ALTER ROLE CURRENT_USER IN DATABASE %I SET {name} = %L', current_database(), '{value}');
    END $$
    """
    for name, value in HABITS.items()
)
"""What has Postgres itself keep our habits for our role in this database, in every session from now on.

Whoever connects cannot ask for them: a pooler gives one session to many clients in turn, and refuses `options`.
"""

_ROOM = text("""
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0)
""")
_OTHERS = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND (datname, usename) IS DISTINCT FROM (current_database(), current_user)
""")


@dataclass(frozen=True)
class Room:
    """`most` sessions Postgres gives to all who are no superusers; `others` have theirs for something else."""

    most: int
    others: int


def missing(session: Session) -> list[str]:
    """The habits that do not hold in the sessions we are given."""
    return [name for name, value in HABITS.items() if session.scalar(text(f"SHOW {name}")) != value]


def room(session: Session) -> Room:
    return Room(session.execute(_ROOM).scalar_one(), session.execute(_OTHERS).scalar_one())


def are_lent(session: Session) -> bool:
    """Whether a pooler stands between us and Postgres: then the process that answers is not the one that greeted us."""
    connection: Any = session.connection().connection.driver_connection
    return bool(connection.info.backend_pid != session.scalar(text("SELECT pg_backend_pid()")))
