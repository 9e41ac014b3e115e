"""Shows an account what it is allowed and what it has, and lets it say from which spending on it is told."""

from datetime import date, datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from api import openapi
from api.caller import Manager
from api.strict_json import RawBody
from api.v1 import presenter, strict
from api.v1.money import Usd, said
from jobs import clock, ledger, terms
from jobs.database import transaction
from jobs.tables import Account

router = APIRouter(prefix="/v1/account", tags=["Account"])


class AccountForm(strict.StrictForm):
    """What an account may change of itself; what is left out stays."""

    budget_soft_usd: Usd | None = Field(None, description="From so much spent in a month on `budget.reached` is told.")


class Limits(BaseModel):
    """What operators allow the account; null is no limit."""

    submits_per_minute: int | None = Field(description="Jobs it may submit a minute; polls are never counted.")
    running_max: int | None = Field(description="Jobs at once; more wait their turn.")
    waiting_max: int | None = Field(description="Jobs that may wait; more are refused with 429.")
    models: list[str] | None
    engines: list[str] | None
    budget_hard_usd: float | None = Field(description="What it may spend in a month; more is refused with 402.")


class AccountShown(BaseModel):
    """One account; money in USD."""

    name: str
    created_at: datetime
    is_prepaid: bool = Field(description="Whether it spends no more than it has.")
    available_usd: float = Field(description="To be spent; where the account is not prepaid it may be below zero.")
    held_usd: float = Field(description="Set aside for unfinished jobs.")
    month: date = Field(description="First day, in UTC, of the month that budgets count.")
    month_usd: float = Field(description="Held for jobs in that month and not released; what budgets limit.")
    weight: int = Field(description="Its share of every queue, against the weights of the others that wait.")
    paused_at: datetime | None = Field(description="Since then an operator lets no job of it begin.")
    paused_because: str | None
    budget_soft_usd: float | None = Field(description="Spent in a month, `budget.reached` is told; yours to set.")
    limits: Limits


@router.get("", summary="Show the account", response_model=AccountShown, responses=presenter.documented())
def show(caller: Manager) -> Response:
    """Show the account's terms, its balance and what it has spent this month."""
    with transaction() as session:
        return presenter.respond(_shown(session, terms.of(session, caller.account_id)))


@router.patch(
    "",
    summary="Change the account",
    response_model=AccountShown,
    responses=presenter.documented(400, 408, 413),
    openapi_extra=openapi.json_body(AccountForm.model_json_schema(ref_template=openapi.COMPONENT)),
)
def change(caller: Manager, body: RawBody) -> Response:
    """Set the soft budget, or clear it with null: from so much spent in a month on, `budget.reached` is told once.

    It refuses nothing. What does refuse is the operators' to set: they answer for what jobs cost, and a limit that
    whoever is limited can lift is none.
    """
    form = strict.read(AccountForm, body)
    with transaction() as session:
        account = terms.of(session, caller.account_id)
        if "budget_soft_usd" in form.model_fields_set:
            terms.change(session, account, {"budget_soft_usd": form.budget_soft_usd})
        return presenter.respond(_shown(session, account))


def _shown(session: Session, account: Account) -> AccountShown:
    balance = ledger.balance(session, account.id)
    return AccountShown(
        name=account.name,
        created_at=account.created_at,
        is_prepaid=account.is_prepaid,
        available_usd=float(balance.available_usd),
        held_usd=float(balance.held_usd),
        month=clock.now().date().replace(day=1),
        month_usd=float(balance.month_usd),
        weight=account.weight,
        paused_at=account.paused_at,
        paused_because=account.paused_because or None,
        budget_soft_usd=said(account.budget_soft_usd),
        limits=Limits(
            submits_per_minute=account.submits_per_minute,
            running_max=account.running_max,
            waiting_max=account.waiting_max,
            models=account.models,
            engines=account.engines,
            budget_hard_usd=said(account.budget_hard_usd),
        ),
    )
