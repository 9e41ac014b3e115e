"""Where the desk speaks: results go to standard output, everything else to standard error."""

import json
import sys
from datetime import datetime

from rich.console import Console
from rich.text import Text

# A file or another program has no width that lines should be broken to.
_WIDTH = None if sys.stdout.isatty() else 200

out = Console(highlight=False, width=_WIDTH)
err = Console(stderr=True, highlight=False)


def say(sentence: str) -> None:
    """Tell the operator something that is not the result."""
    err.print(Text(sentence), soft_wrap=True)


def complain(sentence: str) -> None:
    """Say what went wrong, in as many lines as it needs."""
    err.print(Text("error: ", style="bold red") + Text(sentence), soft_wrap=True)


def show_json(value: object) -> None:
    """Print a result for programs; instants in ISO 8601."""
    out.print(json.dumps(value, indent=2, default=_as_text, ensure_ascii=False), soft_wrap=True, markup=False)


def moment(value: object) -> str:
    """An instant for people, in their own time zone; nothing for none."""
    return f"{value.astimezone():%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else ""


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
