import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from jobs.database import engine
from jobs.tables import Base
from jobs.tables.claim_jobs import CLAIM_JOBS
from jobs.tables.complete_jobs import COMPLETE_JOBS, HOLD_JOBS
from jobs.tables.take_orders import LOCK_TALLIES, TAKE_ORDERS, TAKE_WITH_ROOM

UNEXPLAINED = text("""
    SELECT relname || coalesce('.' || attname, '')
    FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname = 'public'
    LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE relkind IN ('r', 'p') AND relname <> 'alembic_version'
      AND (obj_description(pg_class.oid, 'pg_class') IS NULL OR col_description(pg_class.oid, attnum) IS NULL)
""")


def test_the_schema_on_one_page_explains_every_column() -> None:
    columns = [column for table in Base.metadata.sorted_tables for column in table.columns]

    assert [f"{column.table.name}.{column.name}" for column in columns if not column.comment] == []
    assert [table.name for table in Base.metadata.sorted_tables if not table.comment] == []


@pytest.mark.usefixtures("database")
def test_the_migrated_database_explains_every_column() -> None:
    with engine().connect() as connection:
        assert connection.execute(UNEXPLAINED).scalars().all() == []


@pytest.mark.usefixtures("database")
def test_the_migrations_lead_to_the_schema_on_one_page() -> None:
    with engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})

        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("claim_jobs", CLAIM_JOBS),
        ("hold_jobs", HOLD_JOBS),
        ("complete_jobs", COMPLETE_JOBS),
        ("lock_tallies", LOCK_TALLIES),
        ("take_orders", TAKE_ORDERS),
        ("take_with_room", TAKE_WITH_ROOM),
    ],
)
def test_the_migrations_lead_to_the_functions_on_their_pages(name: str, page: str) -> None:
    migrated = function_there(name)
    with engine().begin() as connection:
        connection.exec_driver_sql(page)

    assert migrated == function_there(name)


def function_there(name: str) -> str:
    with engine().connect() as connection:
        return str(connection.execute(text(f"SELECT pg_get_functiondef('{name}'::regproc)")).scalar_one())
