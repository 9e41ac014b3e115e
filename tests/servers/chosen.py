"""What a run of the tests stands on beside the embedded servers: `--broker=rabbitmq`, `--pooler=pgbouncer`."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.servers.pgbouncer import pgbouncer
from tests.servers.rabbitmq import rabbitmq
from tests.servers.server import Server

_wanted = {"broker": "valkey", "pooler": "none"}


@dataclass(frozen=True)
class Chosen:
    """Settings to lay over those of the embedded servers, and the broker where that is another."""

    settings: dict[str, str]
    broker: Server | None


def add_options(parser: pytest.Parser) -> None:
    parser.addoption("--broker", choices=["valkey", "rabbitmq"], default="valkey", help="what carries rings")
    parser.addoption("--pooler", choices=["none", "pgbouncer"], default="none", help="what stands before Postgres")


def remember(config: pytest.Config) -> None:
    _wanted.update({name: config.getoption(name) for name in _wanted})


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[Chosen]:
    """Beside the embedded servers of `environment`."""
    settings, broker = dict[str, str](), None
    with ExitStack() as started:
        if _wanted["broker"] == "rabbitmq":
            rabbit = started.enter_context(rabbitmq())
            settings["DUOLOGUE_BROKER_URL"], broker = rabbit.url, rabbit.broker
        if _wanted["pooler"] == "pgbouncer":
            url = started.enter_context(pgbouncer(environment["DUOLOGUE_DATABASE_URL"]))
            settings["DUOLOGUE_DATABASE_URL"] = url
        yield Chosen(settings, broker)
