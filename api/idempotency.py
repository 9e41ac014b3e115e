"""How a caller gives a submission a name of its own, and is told that the name had its effect before."""

from typing import Annotated

from fastapi import Header
from pydantic import WithJsonSchema

from jobs.idempotency import HEADER, KEY_MAX_LETTERS

REPLAYED = "Idempotent-Replay"
REPLAY = {REPLAYED: "true"}
"""The header of an answer that made nothing new."""

# As `jobs.idempotency` checks it; a header is read as Latin-1, which has two letters more that nobody sees.
_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": KEY_MAX_LETTERS,
    "pattern": r"^[ -~\u00a1-\u00ac\u00ae-\u00ff]*$",
}

GivenKey = Annotated[
    str | None,
    WithJsonSchema(_SCHEMA),
    Header(
        alias=HEADER,
        description=f"Your own name for this request, at most {KEY_MAX_LETTERS} letters: sent again with the same body "
        f"it gives the same job, marked by `{REPLAYED}: true`; with another body it is refused with 409.",
    ),
]
