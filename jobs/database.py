"""Opens transactions: all or nothing, with work for after the commit."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from jobs import driving, settings
from jobs.errors import Unavailable

_AFTER_COMMIT = "after_commit"
_RESTED = "rested"
_REST_SECONDS = 1.0
_PASSING = frozenset({"25006", "42P01", "42883"})
"""Read-only while a standby takes over; a table or a function that the migrations beside us are about to make."""
_TOO_SLOW = "57014"
"""A statement that ran into its limit."""


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction: commits once at the end, rolls back on any error, then runs what `after_commit` was given.

    Raises Unavailable when Postgres cannot be reached or goes away in the middle: nothing is half-written, but if it
    went away in the very commit nobody knows whether all of it was. Rows stay readable after the end.
    """
    with told_as_unavailable(), Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session
    if callbacks := session.info.get(_AFTER_COMMIT):
        driving.aside(lambda: [callback() for callback in callbacks])


@contextmanager
def pipelined(session: Session) -> Iterator[None]:
    """Have what is asked of `cursor_of(session)` inside sent without waiting for what was asked before.

    The answers are there when they are read; the end waits for all. A statement that failed raises where its answer is
    read, or at the end.
    """
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    with connection.pipeline():
        yield


def be_brief(session: Session) -> None:
    """Have Postgres end the transaction soon if we fall silent in it: others wait for what it has locked.

    A process that was stopped in the middle costs them seconds then, not the minute that any other may take.
    """
    cursor_of(session).execute("SET LOCAL idle_in_transaction_session_timeout = '5s'")


def close_afterwards(session: Session) -> None:
    """Have the session's connection closed at its end: a driver keeps the memory that its longest statement took."""
    session.connection().detach()


@contextmanager
def single_statements() -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """The driver's own cursor; each statement is a transaction of its own: one way there and back, nothing around it.

    Raises Unavailable as `transaction` does.
    """
    with told_as_unavailable():
        lent = engine().raw_connection()
        try:
            connection = cast("psycopg.Connection[tuple[Any, ...]]", lent.driver_connection)
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
            connection.autocommit = False
        except BaseException as error:
            lent.invalidate(error)
            raise
        finally:
            lent.close()


def cursor_of(session: Session) -> psycopg.Cursor[Any]:
    """The driver's own cursor, rows with names, inside the transaction of `session`; its errors are the driver's too.

    For what is asked with every order: SQLAlchemy's way to a statement takes longer than the answer.
    """
    connection = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    return connection.cursor(row_factory=namedtuple_row)


@contextmanager
def told_as_unavailable() -> Iterator[None]:
    """Turn the errors of a database that is away, for now, into Unavailable; so too what it took too long over."""
    try:
        yield
    except (OperationalError, PoolTimeoutError, psycopg.OperationalError) as error:
        raise (_too_slow() if _sqlstate(error) == _TOO_SLOW else _unavailable()) from error
    except DBAPIError as error:
        if error.connection_invalidated or _sqlstate(error) in _PASSING:
            raise _unavailable() from error
        raise
    except psycopg.Error as error:
        if _sqlstate(error) in _PASSING:
            raise _unavailable() from error
        raise


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Have `callback` called once, after `session`'s transaction is safely committed; never after a rollback."""
    session.info.setdefault(_AFTER_COMMIT, []).append(callback)


def _unavailable() -> Unavailable:
    sentence = "The database is away for the moment; send the same request again, best with an Idempotency-Key."
    return Unavailable(sentence, retry_after_seconds=2)


def _too_slow() -> Unavailable:
    """The same again would take as long: it is not said when to come back."""
    return Unavailable("The database took too long over this; ask for less: a shorter span of time, or fewer at once.")


def _sqlstate(error: Exception) -> str | None:
    """What Postgres calls it, where it is an error of Postgres' and not of the way there."""
    found: str | None = getattr(getattr(error, "orig", error), "sqlstate", None)
    return found


@cache
def engine() -> Engine:
    """The process's one pool. Nothing depends on a session, so PgBouncer in transaction mode may stand in between."""
    chosen = settings.load()
    found = create_engine(
        _with_driver(chosen.secret("database_url")),
        poolclass=driving.Pool,
        pool_size=chosen.database_pool_size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # rows hold prompts and links; an error's text is written to the log
        connect_args={
            "connect_timeout": 5,
            # A network that died without a word is noticed in seconds, not in hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            "prepare_threshold": None,
        },
    )
    _connect_as_told(found)
    _ask_the_rested(found)
    return found


def _connect_as_told(engine: Engine) -> None:
    @event.listens_for(engine, "do_connect")
    def connect(_: object, __: object, given: list[Any], named: dict[str, Any]) -> DBAPIConnection:
        return cast("DBAPIConnection", driving.connect(*given, **named))


def _ask_the_rested(engine: Engine) -> None:
    """Ask a connection that has rested whether it still lives; one just used need not be asked every time."""

    @event.listens_for(engine, "checkin")
    def note(_: object, record: ConnectionPoolEntry) -> None:
        record.info[_RESTED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        if time.monotonic() - record.info.get(_RESTED, math.inf) > _REST_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except psycopg.Error as error:
                raise DisconnectionError from error  # the pool opens another


def _with_driver(url: str) -> str:
    """Name the driver, so that the plain postgresql:// of every hosting page works as it is."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
