"""Ports for servers that tests start themselves, and for addresses at which nobody may answer.

No run of tests, and no worker of one, is given a number that another still has: whoever has it holds the UDP port of
that number too, for as long as its process lives. They lie below the ports that the embedded servers choose from.
"""

import random
import socket

from cli.stack.ports import LOWEST, is_free

_CANDIDATES = range(LOWEST - 4_000, LOWEST)
_held: list[socket.socket] = []


def free_port() -> int:
    """A port that is free, and stays so until whoever asked binds it."""
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if is_free(port) and _is_ours(port):
            return port
    raise AssertionError("no free port for a test")


def _is_ours(port: int) -> bool:
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _held.append(claim)
    return True
