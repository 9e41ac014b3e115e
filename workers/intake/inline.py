"""Reads media that came as text: `data:` URIs and bare base64, forgiving in form and strict in letters."""

import base64
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from jobs.errors import MediaError

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_SPACE: Final = re.compile(r"\s+")
_LETTERS: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_URL_SAFE: Final = str.maketrans("-_", "+/")


def write_inline(field: str, text: str, destination: Path, max_bytes: int) -> None:
    """Decode `text` into `destination`. Raises MediaError, permanent."""
    scheme = _SCHEME.match(text)
    if scheme is None:
        content = _from_base64(field, text, max_bytes)
    elif scheme[1].lower() == "data":
        content = _from_data_uri(field, text, max_bytes)
    else:
        raise MediaError(field, f"{scheme[1][:20]}: is not supported; give an http(s) URL, a data: URI or base64")
    write_bytes(field, content, destination, max_bytes)


def write_bytes(field: str, content: bytes, destination: Path, max_bytes: int) -> None:
    """Write media that needs no decoding any more. Raises MediaError, permanent, when empty or too large."""
    if not content:
        raise MediaError(field, "is empty")
    if len(content) > max_bytes:
        raise too_large(field, max_bytes)
    destination.write_bytes(content)


def too_large(field: str, max_bytes: int) -> MediaError:
    return MediaError(field, f"is larger than {max_bytes / 10**6:g} MB, the most that is taken")


def _from_data_uri(field: str, text: str, max_bytes: int) -> bytes:
    head, comma, body = text.partition(",")
    if not comma:
        raise MediaError(field, "is a data: URI without a comma")
    if head.strip().lower().endswith(";base64"):
        return _from_base64(field, body, max_bytes)
    if len(body) > 3 * max_bytes:
        raise too_large(field, max_bytes)
    return unquote_to_bytes(body)


def _from_base64(field: str, text: str, max_bytes: int) -> bytes:
    # Some clients escape the padding, and `%` is no letter of base64: so this can mend and never break.
    letters = _SPACE.sub("", text).replace("%3D", "=").replace("%2B", "+").replace("%2F", "/").translate(_URL_SAFE)
    if len(letters) > max_bytes * 4 // 3 + 8:
        raise too_large(field, max_bytes)
    if not _LETTERS.fullmatch(letters):
        raise MediaError(field, "is neither an http(s) URL, a data: URI nor base64")
    letters = letters.rstrip("=")
    if len(letters) % 4 == 1:
        raise MediaError(field, "is base64 that was cut off")
    return base64.b64decode(letters + "=" * (-len(letters) % 4))
