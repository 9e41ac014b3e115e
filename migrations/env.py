"""Runs migrations under a lock timeout, so that a busy table delays us and not its users, and one process at a time."""

from alembic import context
from sqlalchemy import text

from jobs.database import engine
from jobs.tables import Base

# Any constant will do, as long as every version of the code uses the same.
ADVISORY_LOCK = 7_305_301

with engine().connect() as connection:
    context.configure(
        connection=connection, target_metadata=Base.metadata, compare_type=True, transaction_per_migration=False
    )
    with context.begin_transaction():
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        # Transaction-level, so that it also holds through a pooler and is never left behind.
        connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.run_migrations()
