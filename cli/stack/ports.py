"""Free ports on 127.0.0.1 that a server can keep: below the range from which the kernel lends ports to clients."""

import errno
import random
import socket
from collections.abc import Callable, Sequence

LOWEST, HIGHEST = 12_000, 22_000
ATTEMPTS = 200


def pick(last: int | None, *, offsets: Sequence[int] = (0,), suits: Callable[[int], bool] = lambda _: True) -> int:
    """The last port if it is still free, else another; all ports at `offsets` from it are free, and it `suits`.

    Free is true only at this moment: whoever binds must be ready to lose the race and pick again.
    """
    for port in [last, *_candidates()]:
        if port is not None and suits(port) and all(is_free(port + offset) for offset in offsets):
            return port
    raise OSError(errno.EADDRINUSE, "no free port on 127.0.0.1")


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: a port whose old connections still linger counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    # macOS lets a specific address be bound under a listener on all addresses; a connection tells.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _candidates() -> list[int]:
    return random.sample(range(LOWEST, HIGHEST), ATTEMPTS)
