"""How the audit log calls whoever sits at the desk: by their user and the machine."""

import getpass
import socket

from jobs.audit import Actor


def actor() -> Actor:
    """Whoever runs this command; a container may run as a user without a name."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = "unknown"
    return Actor(name, f"desk@{socket.gethostname()}")
