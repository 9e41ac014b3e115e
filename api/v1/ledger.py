"""Lists every change of an account's money, so that its balance can be added up by whoever doubts it."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from api.caller import Reader
from api.v1 import forms, presenter
from jobs import billing, ids
from jobs.billing import EntryFilter, Line
from jobs.rules import money
from jobs.rules.money import Kind

PAGE_MAX = 100
_ID_MAX = 2**63 - 1

router = APIRouter(prefix="/v1/ledger", tags=["Account"])

Instant = Annotated[AwareDatetime | None, Query(description="RFC 3339 with a time zone; it is part of the span.")]


class Entry(BaseModel):
    """One change of the account's money; the sum of all `available_change_usd` is what it can spend."""

    id: int = Field(description="Grows in time.")
    at: datetime
    kind: Kind = Field(description="hold, capture and release are of a job; topup and adjust of an operator.")
    amount_usd: float
    available_change_usd: float = Field(description="How the entry changed what can be spent.")
    held_change_usd: float = Field(description="How it changed what is set aside for unfinished jobs.")
    job_id: str | None
    model: str | None
    key_id: str | None = Field(description="The key that submitted the job.")
    note: str = Field(description="Why, in an operator's words.")


class EntryPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    entries: list[Entry]
    next_cursor: str | None


@router.get("", summary="List the ledger", response_model=EntryPage, responses=presenter.documented(400))
def page(
    caller: Reader,
    *,
    kind: Annotated[list[Kind] | None, Query(description="Any of these.")] = None,
    job_id: Annotated[str | None, Query(description="Only of this job.")] = None,
    since: Instant = None,
    until: Instant = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
) -> Response:
    """List the account's ledger, newest first; all filters must hold. Entries are never changed and never removed."""
    wanted = EntryFilter(kinds=kind, since=since, until=until, job_ids=None if job_id is None else _known(job_id))
    last = forms.read_cursor(cursor)
    found = billing.entries(caller, wanted, before_id=None if last is None else min(last.int, _ID_MAX), limit=limit + 1)
    shown = found[:limit]
    more = forms.cursor_after(uuid.UUID(int=shown[-1].entry.id)) if len(found) > limit else None
    return presenter.respond(EntryPage(entries=[_shown(line) for line in shown], next_cursor=more))


def _shown(line: Line) -> Entry:
    entry = line.entry
    available_usd, held_usd = money.effect_usd(Kind(entry.kind), entry.amount_usd)
    return Entry(
        id=entry.id,
        at=entry.at,
        kind=Kind(entry.kind),
        amount_usd=float(entry.amount_usd),
        available_change_usd=_number(available_usd),
        held_change_usd=_number(held_usd),
        job_id=_hex(entry.job_id),
        model=entry.model,
        key_id=_hex(entry.key_id),
        note=entry.note,
    )


def _number(amount_usd: Decimal) -> float:
    """Never a zero below zero, which a product of nothing can be."""
    return float(amount_usd) or 0.0


def _hex(found: uuid.UUID | None) -> str | None:
    return None if found is None else found.hex


def _known(job_id: str) -> list[uuid.UUID]:
    """What is no id names nothing."""
    found = ids.parse(job_id)
    return [] if found is None else [found]
