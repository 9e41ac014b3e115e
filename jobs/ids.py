"""Makes identifiers and secrets; the one place that draws randomness for them."""

import base64
import secrets
import uuid

import uuid_utils.compat

KEY_PREFIX = "duo_"
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 - what every secret begins with


def new_id() -> uuid.UUID:
    """Draw a UUIDv7: unique everywhere, and rows made together lie together in an index. `.hex` is its public form."""
    return uuid_utils.compat.uuid7()


def new_key() -> str:
    """Draw an API key: a prefix people and secret scanners recognise, then 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_webhook_secret() -> str:
    """Draw what an account's webhooks are signed with: a known prefix, then 256 random bits in base64."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_password() -> str:
    """Draw a password for somebody to be told once: 120 random bits, in groups that one can read out."""
    letters = base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(letters[start : start + 6] for start in range(0, len(letters), 6))


def new_seed() -> int:
    """Draw a rendering seed, 0 to 2147483647, for callers who asked for a random one."""
    return secrets.randbelow(2**31)


def parse(text: str) -> uuid.UUID | None:
    """Read a public identifier; None when it is not 32 lower-case hex digits."""
    is_hex = len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)  # noqa: PLR2004 - hex digits in a UUID
    return uuid.UUID(hex=text) if is_hex else None
