"""Makes, lists and revokes an account's keys; each is shown once, in the answer that makes it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from api import openapi
from api.caller import Manager
from api.strict_json import RawBody
from api.v1 import forms, presenter, strict
from jobs import ids, keyring
from jobs.database import transaction
from jobs.rules.scopes import Scope
from jobs.tables import ApiKey

router = APIRouter(prefix="/v1/keys", tags=["Account"])

PAGE_MAX = 100
NAME_MAX_LETTERS = 100

KeyId = Annotated[str, Path(description="32 lower-case hex digits.")]


class KeyForm(strict.StrictForm):
    """One key."""

    name: str = Field(min_length=1, max_length=NAME_MAX_LETTERS, description="What the key is for.")
    scopes: list[Scope] = Field(
        min_length=1, description="submit: order and change jobs; read: see them; manage: keys, secrets and webhooks."
    )


class KeyShown(BaseModel):
    """One key, without the key."""

    id: str
    name: str
    scopes: list[Scope]
    ends_in: str = Field(description="The key's last four letters.")
    created_at: datetime
    revoked_at: datetime | None = Field(description="From when it is refused; null while it works.")


class KeyMade(KeyShown):
    """One key, and the key itself."""

    key: str = Field(description="Shown here and never again: only its SHA-256 is kept.")


class KeyPage(BaseModel):
    """Newest first; `next_cursor` is null on the last page."""

    keys: list[KeyShown]
    next_cursor: str | None


@router.post(
    "",
    status_code=201,
    summary="Make a key",
    response_model=KeyMade,
    responses=presenter.documented(400, 408, 409, 413),
    openapi_extra=openapi.json_body(KeyForm.model_json_schema(ref_template=openapi.COMPONENT)),
)
def make(caller: Manager, body: RawBody) -> Response:
    """Make a key for the account, with no right that the key you send lacks."""
    form = strict.read(KeyForm, body)
    with transaction() as session:
        row, key = keyring.make(session, caller, form.name, form.scopes)
    return presenter.respond(KeyMade(**_facts(row), key=key), 201, {"Cache-Control": "no-store"})


@router.get("", summary="List keys", response_model=KeyPage, responses=presenter.documented(400))
def page(
    caller: Manager,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
) -> Response:
    """List the account's keys, newest first, revoked ones too."""
    with transaction() as session:
        found = keyring.page(session, caller, older_than=forms.read_cursor(cursor), limit=limit + 1)
    shown = found[:limit]
    more = forms.cursor_after(shown[-1].id) if len(found) > limit else None
    return presenter.respond(KeyPage(keys=[KeyShown(**_facts(row)) for row in shown], next_cursor=more))


@router.post(
    "/{key_id}/revoke", summary="Revoke a key", response_model=KeyShown, responses=presenter.documented(400, 404, 409)
)
def revoke(
    caller: Manager,
    key_id: KeyId,
    *,
    even_the_last: Annotated[
        bool, Query(description="Revoke it even if no key that may manage the account is left.")
    ] = False,
) -> Response:
    """Refuse a key from now on, the one you send included; doing so twice changes nothing.

    The last key that may manage the account is refused with 409 unless `even_the_last` is true: without one, only an
    operator can make keys.
    """
    with transaction() as session:
        row = keyring.revoke(session, caller, ids.parse(key_id), even_the_last=even_the_last)
    return presenter.respond(KeyShown(**_facts(row)))


def _facts(row: ApiKey) -> dict[str, Any]:
    return {
        "id": row.id.hex,
        "name": row.name,
        "scopes": row.scopes,
        "ends_in": row.hint,
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    }
