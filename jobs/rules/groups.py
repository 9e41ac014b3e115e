"""Which failures are of one kind: the same error class, and the same sentence but for names, numbers and addresses."""

import hashlib
import re
import uuid
from typing import Final

SENTENCE_MAX_LETTERS: Final = 200

# In this order: an address holds numbers, an id holds digits, and a host name is whatever its caller wrote.
_REPLACED: Final = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\bthe host \S+", "the host <host>"),
        (r"\S+(?=: is not supported; give)", "<scheme>"),
        (r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)]+", "<url>"),
        (r"'[^']*'|\"[^\"]*\"", "<text>"),
        (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b|\b[0-9a-f]{12,}\b", "<id>"),
        (r"(?<![\w<])/[\w.-]+(/[\w.-]+)+", "<path>"),
        (r"\d+(?:[.,:]\d+)*", "<n>"),
        (r"\s+", " "),
    )
)


def sentence_of(error: str) -> str:
    """What errors of one kind have in common; without what differs from job to job, and of a bearable length."""
    found = error.replace("\x00", "")[: SENTENCE_MAX_LETTERS * 10]
    for pattern, word in _REPLACED:
        found = pattern.sub(word, found)
    return found.strip()[:SENTENCE_MAX_LETTERS]


def id_of(error_class: str, sentence: str) -> uuid.UUID:
    """The same for the same class and sentence, wherever and whenever they are met."""
    return uuid.UUID(bytes=hashlib.sha256(f"{error_class}\n{sentence}".encode()).digest()[:16])
