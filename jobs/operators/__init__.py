"""Who runs the house: operators with their roles, where they are signed in, and how they come in."""

from jobs.operators.roster import create, everybody, named, remove, set_password, set_role
from jobs.operators.sessions import SignedIn, is_on, seen, sign_out, sign_out_everywhere
from jobs.operators.signing_in import sign_in, sign_in_with_provider

__all__ = [
    "SignedIn",
    "create",
    "everybody",
    "is_on",
    "named",
    "remove",
    "seen",
    "set_password",
    "set_role",
    "sign_in",
    "sign_in_with_provider",
    "sign_out",
    "sign_out_everywhere",
]
