"""The accounts: listed, made, limited, paused, and their money moved."""

import uuid
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from api.console import rendering
from api.console.address import PREFIX
from api.console.fields import ROW_MAX, Cursor, Fields, Filter, Posted, row_before
from api.console.figures import accounts as figures
from api.console.visits import Changer, Reader, Visit
from jobs import accounts, audit, billing, ids, ledger, terms
from jobs.accounts import Caller
from jobs.billing import EntryFilter
from jobs.database import transaction
from jobs.errors import CallerError, Conflict, WrongInput
from jobs.rules.catalog import MODELS
from jobs.rules.money import Kind
from jobs.rules.routing import WISHES
from jobs.rules.turns import WEIGHT_MAX
from jobs.tables import Account
from jobs.terms import Changes

router = APIRouter()

LIST: Final = f"{PREFIX}/accounts"
NAME_MAX_LETTERS: Final = 100
PAGE: Final = 50
ENGINES: Final = tuple(wish for wish in WISHES if wish != "auto")
_NO_KEY: Final = uuid.UUID(int=0)


@router.get("/accounts")
def everybody(visit: Reader) -> Response:
    """Show every account with its money and its jobs."""
    return _list(visit)


@router.post("/accounts")
def create(visit: Changer, fields: Posted) -> Response:
    """Make an account."""
    is_prepaid = fields.is_ticked("is_prepaid")
    try:
        name = fields.text("name", "The name", max_letters=NAME_MAX_LETTERS)
        with audit.recorded(visit.actor, "account.create", name, is_prepaid=is_prepaid), transaction() as session:
            made = terms.change(session, terms.create(session, name), {"is_prepaid": is_prepaid})
    except CallerError as error:
        return _list(visit, complaint=str(error), status=error.status)
    return rendering.redirect(f"{LIST}/{made.id.hex}", f"Account {name} is made; it needs a key.")


@router.get("/accounts/{account_id}")
def show(visit: Reader, account_id: str) -> Response:
    """Show one account: its money, its limits, its keys, and what moved its money last."""
    return page(visit, account_id)


@router.post("/accounts/{account_id}/limits")
def limit(visit: Changer, fields: Posted, account_id: str) -> Response:
    """Allow an account more or less, from its next job on."""
    try:
        changes = _limits(fields)
        name = _change(
            visit,
            account_id,
            "account.limit",
            lambda session, account: terms.change(session, account, changes),
            **{name: _plain(value) for name, value in changes.items()},
        )
    except CallerError as error:
        return page(visit, account_id, complaint=str(error), typed=dict(fields), status=error.status)
    return _back(account_id, f"The limits of {name} are changed.")


@router.post("/accounts/{account_id}/money")
def move_money(visit: Changer, fields: Posted, account_id: str) -> Response:
    """Add money to an account, or correct what it has."""
    kind = fields.choice("kind", "What it is", ("topup", "adjust"))
    amount_usd = fields.usd("amount_usd", "The amount", is_signed=kind == "adjust")
    note = fields.text("note", "Why", max_letters=300, is_required=kind == "adjust")
    if amount_usd is None:
        return page(visit, account_id, complaint="The amount is missing.", typed=dict(fields), status=400)
    enter = ledger.top_up if kind == "topup" else ledger.adjust
    seen = fields.count("seen", "The last entry", ROW_MAX) or 0

    def move(session: Session, account: Account) -> None:
        ledger.check_unmoved(session, enter(session, account.id, amount_usd, note), seen)

    try:
        name = _change(visit, account_id, f"account.{kind}", move, amount_usd=str(amount_usd), note=note)
    except Conflict as error:
        return page(visit, account_id, complaint=str(error), typed=dict(fields), status=error.status)
    return _back(account_id, f"{amount_usd:+,.2f} USD: the money of {name} is changed.")


@router.post("/accounts/{account_id}/pause")
def pause(visit: Changer, fields: Posted, account_id: str) -> Response:
    """Let none of its jobs begin, until it is resumed."""
    because = fields.text("because", "Why", max_letters=300).rstrip(".")
    name = _change(
        visit,
        account_id,
        "account.pause",
        lambda session, account: terms.pause(session, account, because),
        because=because,
    )
    return _back(account_id, f"{name} is paused.")


@router.post("/accounts/{account_id}/resume")
def resume(visit: Changer, account_id: str) -> Response:
    """Let its jobs begin again, in turn with everybody's."""
    name = _change(visit, account_id, "account.resume", terms.resume)
    return _back(account_id, f"{name} goes on.")


@router.get("/accounts/{account_id}/ledger")
def show_ledger(visit: Reader, account_id: str, kind: Filter = "", before: Cursor = "") -> Response:
    """Show what moved the account's money, newest first."""
    kinds = [one for one in Kind if one == kind] or None
    with transaction() as session:
        standing = figures.one(session, ids.parse(account_id))
        owner = owner_of(session, standing.account)
    lines = billing.entries(owner, EntryFilter(kinds=kinds), before_id=row_before(before), limit=PAGE + 1)
    facts: dict[str, Any] = {"kinds": [str(one) for one in Kind], "kind": kind, "before": before}
    return rendering.page(
        visit, "ledger.html", standing=standing, lines=lines[:PAGE], has_more=len(lines) > PAGE, **facts
    )


def page(
    visit: Visit,
    account_id: str,
    *,
    complaint: str = "",
    typed: dict[str, str] | None = None,
    key: str = "",
    status: int = 200,
) -> Response:
    """The page of one account; `typed` is a form to be mended, `key` one that was just made. Raises NotFound."""
    with transaction() as session:
        standing = figures.one(session, ids.parse(account_id))
        keys = figures.keys(session, standing.account.id)
        owner = owner_of(session, standing.account)
    lines = billing.entries(owner, EntryFilter(), limit=10)
    facts: dict[str, Any] = {
        "models": list(MODELS),
        "engines": ENGINES,
        "typed": typed,
        "complaint": complaint,
        "key": key,
        "drawn": ids.new_id().hex,
    }
    return rendering.page(
        visit,
        "account.html",
        status=status,
        standing=standing,
        account=standing.account,
        keys=keys,
        lines=lines,
        **facts,
    )


def owner_of(session: Session, account: Account) -> Caller:
    """The account as if it called itself: for verbs that only know callers."""
    return accounts.owner(session, account.id, _NO_KEY)


def _list(visit: Visit, *, complaint: str = "", status: int = 200) -> Response:
    with transaction() as session:
        found = figures.everybody(session)
    return rendering.page(visit, "accounts.html", status=status, standings=found, complaint=complaint)


def _limits(fields: Fields) -> Changes:
    """Every limit of the form; one that is left empty is none."""
    return {
        "is_prepaid": fields.choice("terms", "The terms", ("prepaid", "unlimited")) == "prepaid",
        "weight": _weight(fields),
        "submits_per_minute": fields.count("submits_per_minute", "Orders a minute"),
        "running_max": fields.count("running_max", "Jobs at once"),
        "waiting_max": fields.count("waiting_max", "Jobs that may wait"),
        "models": sorted(fields.choices("models", "Models", tuple(MODELS))) or None,
        "engines": sorted(fields.choices("engines", "Engines", ENGINES)) or None,
        "budget_soft_usd": fields.usd("budget_soft_usd", "The soft budget"),
        "budget_hard_usd": fields.usd("budget_hard_usd", "The hard budget"),
        "resends_unproven": fields.is_ticked("resends_unproven"),
        "pays_cancelled": fields.is_ticked("pays_cancelled"),
    }


def _weight(fields: Fields) -> int:
    found = fields.count("weight", "The weight") or 1
    if found > WEIGHT_MAX:
        raise WrongInput(f"The weight is at most {WEIGHT_MAX}.", field="weight")
    return found


def _change(
    visit: Visit, account_id: str, action: str, change: Callable[[Session, Account], object], **detail: object
) -> str:
    """Change an account, and note it; the account's name. Raises NotFound."""
    with transaction() as session:
        name = figures.one(session, ids.parse(account_id)).account.name
    with audit.recorded(visit.actor, action, name, **detail), transaction() as session:
        change(session, terms.named(session, name))
    return name


def _back(account_id: str, said: str) -> Response:
    return rendering.redirect(f"{LIST}/{account_id}", said)


def _plain(value: object) -> object:
    """As JSON has it: amounts as they are written."""
    return value if value is None or isinstance(value, bool | int | str | list) else str(value)
