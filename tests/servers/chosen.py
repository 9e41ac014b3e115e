"""What this run of the tests was told to stand on instead of the embedded servers: settings to lay over theirs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.servers.pgbouncer import pgbouncer
from tests.servers.rabbitmq import rabbitmq


@contextmanager
def broker(name: str) -> Iterator[dict[str, str]]:
    if name == "valkey":
        yield {}
        return
    with rabbitmq() as running:
        yield {"DUOLOGUE_BROKER_URL": running.url}


@contextmanager
def pooler(name: str, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    if name == "none":
        yield {}
        return
    with pgbouncer(environment["DUOLOGUE_DATABASE_URL"]) as url:
        yield {"DUOLOGUE_DATABASE_URL": url}
