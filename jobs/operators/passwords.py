"""Hashes and checks passwords; takes as long for a name that nobody has as for one that somebody has."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# RFC 9106's second choice, 64 MiB and three passes; two at once a process, or guessing fills the memory.
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
_TURNS = threading.BoundedSemaphore(2)


def hashed(password: str) -> str:
    """Argon2id with its parameters and salt, as text."""
    with _TURNS:
        return _HASHER.hash(password)


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether this is the password; None is nobody's, and takes as long."""
    with _TURNS:
        try:
            _HASHER.verify(password_hash or _nobodys(), password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash("a password that nobody has")
