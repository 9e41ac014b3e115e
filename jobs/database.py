"""Opens transactions: all or nothing, with work for after the commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from jobs import settings
from jobs.errors import Unavailable

_AFTER_COMMIT = "after_commit"
_PASSING = frozenset({"25006", "42P01"})
"""Read-only while a standby takes over; a table that the migrations beside us are about to make."""


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction: commits once at the end, rolls back on any error, then runs what `after_commit` was given.

    Raises Unavailable when Postgres cannot be reached or goes away in the middle: nothing is half-written, but if it
    went away in the very commit nobody knows whether all of it was. Rows stay readable after the end.
    """
    with told_as_unavailable(), Session(engine(), expire_on_commit=False) as session, session.begin():
        yield session
    for callback in session.info.get(_AFTER_COMMIT, ()):
        callback()


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for statements that read, each for itself: one way there and back, without BEGIN and COMMIT.

    Raises Unavailable as `transaction` does.
    """
    with told_as_unavailable(), engine().connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def told_as_unavailable() -> Iterator[None]:
    """Turn the errors of a database that is away, for now, into Unavailable."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise _unavailable() from error
    except DBAPIError as error:
        if error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING:
            raise _unavailable() from error
        raise


def after_commit(session: Session, callback: Callable[[], None]) -> None:
    """Have `callback` called once, after `session`'s transaction is safely committed; never after a rollback."""
    session.info.setdefault(_AFTER_COMMIT, []).append(callback)


def is_reachable() -> bool:
    try:
        with transaction() as session:
            session.execute(text("SELECT 1"))
    except Unavailable:
        return False
    return True


def _unavailable() -> Unavailable:
    sentence = "The database is away for the moment; send the same request again, best with an Idempotency-Key."
    return Unavailable(sentence, retry_after_seconds=2)


@cache
def engine() -> Engine:
    """The process's one pool. Nothing depends on a session, so PgBouncer in transaction mode may stand in between."""
    chosen = settings.load()
    return create_engine(
        _with_driver(chosen.secret("database_url")),
        pool_size=chosen.database_pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        hide_parameters=True,  # rows hold prompts and links; an error's text is written to the log
        connect_args={
            "connect_timeout": 5,
            # A network that died without a word is noticed in seconds, not in hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            "prepare_threshold": None,
            "options": "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
        },
    )


def _with_driver(url: str) -> str:
    """Name the driver, so that the plain postgresql:// of every hosting page works as it is."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url
