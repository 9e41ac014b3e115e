"""What a data folder remembers of its servers between two starts: passwords, ports and places, in `stack.json`."""

import json
import os
from pathlib import Path
from typing import Any

from jobs.errors import WrongSetting

Page = dict[str, Any]
"""One part's entries, as JSON has them: `port`, `password`, `folder`, ..."""


def read(data: Path) -> dict[str, Page]:
    path = data / "stack.json"
    try:
        book: dict[str, Page] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError:
        raise WrongSetting(
            f"{path} is damaged, and with it the passwords of the embedded servers: "
            f"put a copy back, or move {data} away to start anew."
        ) from None
    return book


def write(data: Path, name: str, page: Page) -> None:
    """Put one part's page into the book; the caller holds `stack.lock`, and a reader sees the old book or the new."""
    book = read(data)
    if book.get(name) != page:
        write_secret(data / "stack.json", json.dumps(book | {name: page}, indent=2) + "\n")


def write_secret(path: Path, text: str) -> None:
    """Write a file that nobody but its owner may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as writing:
        writing.write(text)
    draft.replace(path)
