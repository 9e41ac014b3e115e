"""What a try at the upstream is told by: links into our bucket that it was given carry its name in their query."""

import uuid
from collections.abc import Mapping
from typing import Any

_NAME = "try="


def note(try_id: uuid.UUID) -> str:
    """What the query of a try's links has beside the signature."""
    return f"{_NAME}{try_id.hex}"


def was_given(inputs: Mapping[str, Any], marker: str) -> bool:
    """Whether one of a prediction's inputs is what `marker` stands for: its URL, the signed part aside.

    A query in the marker must be there too, unless the upstream shows no queries at all.
    """
    bare, _, wanted = marker.partition("?")
    given = [value.partition("?") for value in inputs.values() if isinstance(value, str)]
    return any(url == bare and (not wanted or not query or wanted in query.split("&")) for url, _, query in given)


def is_anothers(inputs: Mapping[str, Any], try_id: uuid.UUID) -> bool:
    """Whether a prediction's inputs name another try and not this one. Uploaded copies name none."""
    queries = [value.partition("?")[2] for value in inputs.values() if isinstance(value, str)]
    named = {part for query in queries for part in query.split("&") if part.startswith(_NAME)}
    return bool(named) and note(try_id) not in named
