"""A database that takes what is written, and then is away for whoever would read a job."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from jobs.database import engine


@contextmanager
def no_job_is_read() -> Iterator[None]:
    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT jobs."):
            raise OperationalError(statement, None, ConnectionError("it went away"))

    event.listen(engine(), "before_cursor_execute", refuse)
    try:
        yield
    finally:
        event.remove(engine(), "before_cursor_execute", refuse)
