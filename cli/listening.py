"""Where the front door listens, decided once for `duologue up` and all it starts."""

import errno
import socket
from urllib.parse import urlsplit

from cli import environment
from cli.stack import ports
from jobs import settings
from jobs.errors import WrongSetting

_OTHER_HOST = "Choose with --host an address of this machine: 127.0.0.1 is for itself alone, 0.0.0.0 for its networks."
_OTHER_PORT = "Choose another with --port; --port 0 takes any that is free."
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - translated, not bound


def settle(host: str | None, port: int | None) -> None:
    """Take the options, else the settings; port 0 is any that is free. Raises WrongSetting when it is taken."""
    chosen = settings.load()
    host, port = host or chosen.host, chosen.port if port is None else port
    port = port or ports.pick(None)  # not one the kernel lends to clients: it would be gone before it is bound
    _refuse_a_taken(host, port)
    environment.adopt({"DUOLOGUE_HOST": host, "DUOLOGUE_PORT": str(port)})


def api_url() -> str:
    """Where commands on this machine reach the front door, whatever the world calls it."""
    chosen = settings.load()
    host = _EVERYWHERE.get(chosen.host, chosen.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{chosen.port}"


def unreachable_for_others() -> list[str]:
    """What other machines are served only half by, where the door listens for them: a sentence each."""
    chosen = settings.load()
    if chosen.host in _LOOPBACK:
        return []
    door, bucket = urlsplit(chosen.base_url), urlsplit(chosen.s3_public_url or chosen.s3_endpoint_url)
    found = []
    if door.hostname in _LOOPBACK:
        found.append("Other machines are told that we are at 127.0.0.1: say in DUOLOGUE_PUBLIC_URL how they reach us.")
    if bucket.hostname in _LOOPBACK:
        found.append("Links to files work on this machine alone: say in DUOLOGUE_S3_PUBLIC_URL how others reach them.")
    return found


def _refuse_a_taken(host: str, port: int) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except UnicodeError:
        raise WrongSetting(f"The front door cannot listen on {host}: it is no host name. {_OTHER_HOST}") from None
    except OSError as error:
        is_hosts_fault = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        advice = _OTHER_HOST if is_hosts_fault else _OTHER_PORT
        raise WrongSetting(f"The front door cannot listen on {host}, port {port}: {error.strerror}. {advice}") from None
