"""What a key may be made for."""

from typing import Literal

Scope = Literal["submit", "read", "manage"]

ALL: tuple[Scope, ...] = ("submit", "read", "manage")
"""Order and change jobs and uploads; read what the account has; change keys, limits and secrets."""
