"""The role that reads the views of the schema `ops` and nothing else; the views themselves are made by migrations."""

import secrets
from typing import Final

import psycopg
from psycopg import sql

from jobs.database import engine, told_as_unavailable
from jobs.errors import WrongSetting

ROLE: Final = "duologue_ops"

_STATEMENTS: Final = (
    "ALTER ROLE {role} LOGIN PASSWORD {password}",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
    "ALTER ROLE {role} SET statement_timeout = '30s'",
    "ALTER ROLE {role} SET search_path = ops",
    "GRANT USAGE ON SCHEMA ops TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA ops TO {role}",
)


def new_password() -> str:
    """Give the role a new password, which is kept nowhere; the role is made if it is not there.

    Raises WrongSetting, with the statements for an administrator, where the database's user may not do that.
    """
    password = secrets.token_urlsafe(24)
    with told_as_unavailable():
        lent = engine().raw_connection()
        try:
            connection = lent.driver_connection
            assert isinstance(connection, psycopg.Connection)  # noqa: S101 - the driver is named in database.py
            _let_in(connection, password)
            lent.commit()
        except psycopg.errors.InsufficientPrivilege:
            raise WrongSetting(_advice()) from None
        finally:
            lent.close()
    return password


def _let_in(connection: "psycopg.Connection[tuple[object, ...]]", password: str) -> None:
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
    if known is None:
        connection.execute(sql.SQL("CREATE ROLE {role}").format(role=sql.Identifier(ROLE)))
    # Hashed here: a statement may be written to the server's log.
    hashed = connection.pgconn.encrypt_password(password.encode(), ROLE.encode(), b"scram-sha-256").decode()
    for statement in _STATEMENTS:
        connection.execute(sql.SQL(statement).format(role=sql.Identifier(ROLE), password=sql.Literal(hashed)))


def _advice() -> str:
    told = [statement.format_map({"role": ROLE, "password": "'...'"}) for statement in _STATEMENTS]
    statements = "\n".join(f"  {one};" for one in [f"CREATE ROLE {ROLE}", *told])
    return f"The database's user may not make roles: have an administrator of the database run\n{statements}"
