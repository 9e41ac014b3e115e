"""Valkeys beyond the embedded one: a primary with its replica under a sentinel's eyes, and one that speaks only TLS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.stack import ports, wheels
from tests.servers import server
from tests.servers.server import Server

PASSWORD = "an-open-secret"
NAME = "duologue"
_DATA = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
masterauth {password}
repl-diskless-sync-delay 0
save ""
"""
_SENTINEL = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
sentinel monitor {name} 127.0.0.1 {primary} 1
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""
_TLS = """\
bind 127.0.0.1
port 0
tls-port {port}
tls-cert-file {certificate}
tls-key-file {key}
tls-ca-cert-file {certificate}
tls-auth-clients no
requirepass {password}
save ""
"""


@dataclass(frozen=True)
class Watched:
    """`settings` lead to whichever of the two is the primary at the moment."""

    primary: Server
    replica: Server
    settings: dict[str, str]


@contextmanager
def watched() -> Iterator[Watched]:
    program = str(wheels.valkey_server("DUOLOGUE_BROKER_URL"))
    port = ports.pick(None, offsets=(0, 1, 2))
    with server.folder() as one, server.folder() as two, server.folder() as third:
        server.write(one / "valkey.conf", _DATA.format(port=port, folder=one, password=PASSWORD))
        follows = f"replicaof 127.0.0.1 {port}\n"
        server.write(two / "valkey.conf", _DATA.format(port=port + 1, folder=two, password=PASSWORD) + follows)
        told = _SENTINEL.format(port=port + 2, folder=third, password=PASSWORD, name=NAME, primary=port)
        server.write(third / "sentinel.conf", told)
        primary = Server([program, str(one / "valkey.conf")], one, port)
        replica = Server([program, str(two / "valkey.conf")], two, port + 1)
        sentinel = Server([program, str(third / "sentinel.conf"), "--sentinel"], third, port + 2)
        with server.running(primary, replica, sentinel):
            settings = {
                "DUOLOGUE_BROKER_URL": f"sentinel://:{PASSWORD}@127.0.0.1:{port + 2}/0",
                "DUOLOGUE_BROKER_SENTINEL_NAME": NAME,
                "DUOLOGUE_BROKER_SENTINEL_PASSWORD": PASSWORD,
            }
            yield Watched(primary, replica, settings)


@contextmanager
def encrypted(certificate: Path, key: Path) -> Iterator[str]:
    """Debian's, for the wheel's was built without TLS; its URL."""
    program = server.installed("redis-server", "redis-server")
    port = ports.pick(None)
    with server.folder() as folder:
        server.write(folder / "redis.conf", _TLS.format(port=port, certificate=certificate, key=key, password=PASSWORD))
        with server.running(Server([program, str(folder / "redis.conf")], folder, port)):
            yield f"rediss://:{PASSWORD}@localhost:{port}/0"
