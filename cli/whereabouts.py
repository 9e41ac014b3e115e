"""Names the servers we were pointed at as their owner knows them: by address and variable, never with a password."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError

from cli.failure import Failure
from jobs import settings
from jobs.errors import StorageError, Unavailable
from jobs.settings import FILE_SUFFIX, PREFIX


@contextmanager
def named() -> Iterator[None]:
    """Say which server it is that cannot be reached, or will not do what we need. Raises Failure."""
    try:
        yield
    except Unavailable as error:
        advice = f"See that it runs and lets us in, or mend {variable('database_url')}."
        raise Failure(f"The database at {address('database_url')} does not answer: {reason(error)}. {advice}") from None
    except StorageError as error:
        advice = f"See that it runs and that its keys may use it, or mend {variable('s3_endpoint_url')}."
        raise Failure(f"The bucket at {address('s3_endpoint_url')} cannot be used: {error}. {advice}") from None


def address(setting: str) -> str:
    """Where a setting's URL leads: host, port and path, as far as it says them."""
    value = getattr(settings.load(), setting)
    url = value.get_secret_value() if isinstance(value, SecretStr) else value
    return ", ".join(_bare(one) for one in url.split(";")) or "Amazon S3"


def variable(setting: str) -> str:
    """The variable that a setting came from."""
    name = PREFIX + setting.upper()
    return name + FILE_SUFFIX if os.environ.get(name + FILE_SUFFIX) else name


def reason(error: Unavailable) -> str:
    """The database's own first line; libpq never repeats a password."""
    cause = error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else error.__cause__
    return str(cause or error).strip().splitlines()[0].rstrip(".")


def _bare(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], scheme="", query="", fragment="").geturl().lstrip("/")
