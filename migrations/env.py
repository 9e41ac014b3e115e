"""Runs migrations under a lock timeout, so that a busy table delays us and not its users, and one process at a time."""

from alembic import context
from sqlalchemy import text

from jobs import sessions
from jobs.database import engine
from jobs.tables import Base

# Any constant will do, as long as every version of the code uses the same.
ADVISORY_LOCK = 7_305_301
MANNERS = (
    "SET LOCAL statement_timeout = 0",
    # Transaction-level, so that it also holds through a pooler and is never left behind.
    f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})",
    "SET LOCAL lock_timeout = '5s'",
)


def _write() -> None:
    """Write the statements down, for whoever wants to read them first; there is no database."""
    context.configure(
        dialect_name="postgresql", target_metadata=Base.metadata, literal_binds=True, transaction_per_migration=False
    )
    with context.begin_transaction():
        for statement in MANNERS:
            context.execute(statement)
        context.run_migrations()
        for statement in sessions.LESSONS:
            context.execute(statement)


def _run() -> None:
    with engine().connect() as connection:
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_type=True, transaction_per_migration=False
        )
        with context.begin_transaction():
            for statement in MANNERS:
                connection.execute(text(statement))
            context.run_migrations()
            for statement in sessions.LESSONS:
                connection.execute(text(statement))


if context.is_offline_mode():
    _write()
else:
    _run()
