"""Tells web pages and other text from media, so that a wrong link is named for what it is."""

import re
from pathlib import Path
from typing import Final

_HEAD_BYTES: Final = 2048
_CONTROLS: Final = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_PAGE: Final = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)


def what_text(path: Path) -> str | None:
    """Say what kind of text the file holds, as words for a sentence; None when it is not text."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if _CONTROLS.search(head) or not _is_utf8(head):
        return None
    return "a web page" if _PAGE.search(head) else "text"


def _is_utf8(head: bytes) -> bool:
    """Whether `head` is UTF-8, a letter cut in two at its end forgiven."""
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) == _HEAD_BYTES and error.start > len(head) - 4
    return True
