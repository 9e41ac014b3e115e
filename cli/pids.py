"""Tells from its number whether a process is there."""

import os


def is_alive(pid: int) -> bool:
    """Somebody else's counts too, and one that has ended but was not waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
