"""An account's keys: made, shown once, and revoked."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import Posted
from api.console.figures import accounts as figures
from api.console.pages import accounts
from api.console.visits import Changer
from jobs import audit, ids, keyring
from jobs.database import transaction
from jobs.errors import CallerError, WrongInput
from jobs.rules.scopes import ALL

router = APIRouter()

NAME_MAX_LETTERS: Final = 100


@router.post("/accounts/{account_id}/keys")
def make(visit: Changer, fields: Posted, account_id: str) -> Response:
    """Make a key, and show it in the answer to this form and never again."""
    try:
        drawn = fields.drawn()
        name = fields.text("name", "The key's name", max_letters=NAME_MAX_LETTERS)
        scopes = fields.choices("scopes", "Rights", ALL)
        if not scopes:
            raise WrongInput("A key without any right is of no use; tick at least one.", field="scopes")
        with transaction() as session:
            account = figures.one(session, ids.parse(account_id)).account
        with audit.recorded(visit.actor, "key.create", account.name, name=name, scopes=scopes) as noted:
            with transaction() as session:
                row, key = keyring.make(session, accounts.owner_of(session, account), name, scopes, drawn)
            noted["key"] = row.id.hex
    except CallerError as error:
        return accounts.page(visit, account_id, complaint=str(error), status=error.status)
    return accounts.page(visit, account_id, key=key)


@router.post("/accounts/{account_id}/keys/{key_id}/revoke")
def revoke(visit: Changer, fields: Posted, account_id: str, key_id: str) -> Response:
    """Refuse a key from now on."""
    back = f"{PREFIX}/accounts/{account_id}"
    with transaction() as session:
        account = figures.one(session, ids.parse(account_id)).account
    if not fields.is_confirmed:
        sentence = (
            "Whoever calls with this key is refused from now on. It cannot be taken back; jobs that were taken go on."
        )
        return rendering.confirm(visit, fields, title="Revoke this key?", sentence=sentence, button="Revoke", back=back)
    with audit.recorded(visit.actor, "key.revoke", account.name, key=key_id), transaction() as session:
        row = keyring.revoke(session, accounts.owner_of(session, account), ids.parse(key_id), even_the_last=True)
    return rendering.redirect(back, f"The key {row.name} is revoked.")
