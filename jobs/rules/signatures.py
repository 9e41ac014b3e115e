"""How webhooks are signed, in both forms; what is signed must be the very bytes that are posted.

`v3` is WaveSpeed's: the secret's letters themselves are the key. `standard` is that of Standard Webhooks, where they
are base64 of it: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "whsec_"


@dataclass(frozen=True)
class Message:
    """A webhook as it came; `timestamp` in Unix seconds."""

    webhook_id: str
    timestamp: int
    body: bytes


def v3(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a `?webhook=` delivery; `timestamp` in Unix seconds."""
    key = secret.removeprefix(PREFIX).encode()
    return "v3," + hmac.digest(key, _signed(webhook_id, timestamp, body), "sha256").hex()


def is_v3(secret: str, message: Message, signature: str) -> bool:
    """Whether `signature` is that of `message`; it may name several, of which one must be right."""
    right = v3(secret, message.webhook_id, message.timestamp, message.body)
    return any(hmac.compare_digest(right.encode(), one.encode()) for one in signature.split(" "))


def standard(secrets: Iterable[str], webhook_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of an endpoint's delivery: one for each secret that is good now, a space between."""
    content = _signed(webhook_id, timestamp, body)
    return " ".join(f"v1,{_mac(secret, content)}" for secret in secrets)


def _mac(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def _signed(webhook_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode() + body
