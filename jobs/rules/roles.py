"""What an operator may do, and which passwords, names and claims make one."""

import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

Role = Literal["reader", "operator"]

ALL: Final[tuple[Role, ...]] = ("reader", "operator")
"""A reader looks at everything and changes nothing; an operator changes things."""

PASSWORD_MIN_LETTERS: Final = 12
PASSWORD_MAX_LETTERS: Final = 200
NAME_MAX_LETTERS: Final = 60


def why_not_password(password: str, name: str) -> str | None:
    """Why this is no password for an operator of that name, as a sentence; None where it is one."""
    if len(password) < PASSWORD_MIN_LETTERS:
        return f"A password has at least {PASSWORD_MIN_LETTERS} letters."
    if len(password) > PASSWORD_MAX_LETTERS:
        return f"A password has at most {PASSWORD_MAX_LETTERS} letters."
    if len(set(password)) <= 3 or password.lower().replace(name, "") == "":  # noqa: PLR2004 - "abcabcabcabc" is a guess
        return "That password is easily guessed; take another."
    return None


def clean_name(text: str) -> str:
    """The one spelling of a name: people type it in capitals and with blanks around it."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def why_not_name(name: str) -> str | None:
    """Why a name, clean, cannot be an operator's; None where it can."""
    if not name or len(name) > NAME_MAX_LETTERS or not name.isprintable() or any(letter.isspace() for letter in name):
        return f"An operator's name has 1 to {NAME_MAX_LETTERS} printable letters and no blank."
    return None


def role_of_claims(
    claims: Mapping[str, Any], claim: str, operators: Collection[str], readers: Collection[str]
) -> Role | None:
    """What an identity provider's word makes of somebody: a dotted claim, with one value or a list of them."""
    found: Any = claims
    for part in claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    values = {value for value in (found if isinstance(found, list) else [found]) if isinstance(value, str)}
    if values & set(operators):
        return "operator"
    return "reader" if values & set(readers) else None
