"""A RabbitMQ of a test's own, from Debian's package `rabbitmq-server`: one node, on loopback, in its own folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.stack import ports
from tests.servers import server
from tests.servers.server import Server

_INSTALLED = "/usr/lib/rabbitmq/bin"  # beside it lies a wrapper that insists on a user of its own
_USER = "duologue:an-open-secret"
_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
default_user = {user}
default_pass = {password}
log.console = false
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 1MB
"""
_WITH_TLS = """\
listeners.ssl.1 = 127.0.0.1:{port}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
"""


@dataclass(frozen=True)
class RabbitMQ:
    """Reached at `url`, and with TLS at `url_with_tls` where it was given a certificate."""

    broker: Server
    url: str
    url_with_tls: str = ""


@contextmanager
def rabbitmq(certificate: Path | None = None, key: Path | None = None) -> Iterator[RabbitMQ]:
    program = server.installed("rabbitmq-server", "rabbitmq-server", beside=_INSTALLED)
    names = server.installed("epmd", "erlang-base")
    port = ports.pick(None, offsets=(0, 1, 2, 3))
    user, _, password = _USER.partition(":")
    with server.folder() as folder:
        configuration = _CONFIGURATION.format(port=port, user=user, password=password)
        if certificate:
            configuration += _WITH_TLS.format(port=port + 3, certificate=certificate, key=key)
        server.write(folder / "rabbitmq.conf", configuration)
        server.write(folder / "enabled_plugins", "[].")
        environment = {
            "ERL_EPMD_PORT": str(port + 1),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "duologue@localhost",
            "RABBITMQ_DIST_PORT": str(port + 2),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
        }
        # Whom Erlang's nodes ask for each other's ports: RabbitMQ would start one that outlives it.
        register = Server([names], folder, port + 1, environment)
        broker = Server([program], folder, port, environment)
        with server.running(register, broker):
            yield RabbitMQ(
                broker, f"amqp://{_USER}@127.0.0.1:{port}//", f"amqps://{_USER}@localhost:{port + 3}//" * bool(key)
            )
