"""PgBouncer in transaction mode before a test's Postgres, from Debian's package: with few sessions for many clients."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from cli.stack import ports
from tests.servers import server
from tests.servers.server import Server

_CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={behind}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 5
max_client_conn = 1000
max_db_connections = 0
server_idle_timeout = 10
query_wait_timeout = 5
server_login_retry = 1
"""


@contextmanager
def pgbouncer(database_url: str) -> Iterator[str]:
    """The same database by way of the pooler."""
    program = server.installed("pgbouncer", "pgbouncer")
    there = urlsplit(database_url)
    port = ports.pick(None)
    with server.folder() as folder:
        server.write(folder / "users", f'"{there.username}" "{there.password}"\n')
        configuration = _CONFIGURATION.format(behind=there.port, port=port, folder=folder)
        server.write(folder / "pgbouncer.ini", configuration)
        with server.running(Server([program, str(folder / "pgbouncer.ini")], folder, port)):
            yield there._replace(netloc=f"{there.username}:{there.password}@127.0.0.1:{port}").geturl()
