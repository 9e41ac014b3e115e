"""Accounts in the database, for the desk: each function is one transaction, and says how the account stands then."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from cli import signature
from jobs import audit, ledger, terms
from jobs.database import transaction
from jobs.tables import Account
from jobs.terms import Changes

Row = dict[str, Any]

_LIMITS = ("weight", "submits_per_minute", "running_max", "waiting_max", "models", "engines")
_AS_THEY_ARE = (*_LIMITS, "resends_unproven", "pays_cancelled", "paused_at", "paused_because", "created_at")


def rows() -> list[Row]:
    """Every account, by name."""
    with transaction() as session:
        return [_row(session, account) for account in terms.accounts(session)]


def row(name: str) -> Row:
    """Raises NotFound."""
    with transaction() as session:
        return _row(session, terms.named(session, name))


def create(name: str, *, is_prepaid: bool) -> Row:
    """Raises Conflict when there is one of that name."""
    with transaction() as session:
        audit.note(session, signature.actor(), "account.create", name, is_prepaid=is_prepaid)
        return _row(session, terms.change(session, terms.create(session, name), {"is_prepaid": is_prepaid}))


def change(name: str, changes: Changes) -> Row:
    """Raises NotFound."""
    with transaction() as session:
        said: dict[str, Any] = {limit: _plain(value) for limit, value in changes.items()}
        audit.note(session, signature.actor(), "account.limit", name, **said)
        return _row(session, terms.change(session, terms.named(session, name), changes))


def pause(name: str, because: str) -> Row:
    """Raises NotFound."""
    with transaction() as session:
        audit.note(session, signature.actor(), "account.pause", name, because=because)
        return _row(session, terms.pause(session, terms.named(session, name), because))


def resume(name: str) -> Row:
    """Raises NotFound."""
    with transaction() as session:
        audit.note(session, signature.actor(), "account.resume", name)
        return _row(session, terms.resume(session, terms.named(session, name)))


def top_up(name: str, amount_usd: Decimal, note: str) -> Row:
    """Raises NotFound."""
    return _move(name, "account.topup", ledger.top_up, amount_usd, note)


def adjust(name: str, amount_usd: Decimal, note: str) -> Row:
    """Raises NotFound."""
    return _move(name, "account.adjust", ledger.adjust, amount_usd, note)


def _move(name: str, action: str, enter: Callable[..., object], amount_usd: Decimal, note: str) -> Row:
    with transaction() as session:
        account = terms.named(session, name)
        enter(session, account.id, amount_usd, note)
        audit.note(session, signature.actor(), action, name, amount_usd=str(amount_usd), note=note)
        return _row(session, account)


def _row(session: Session, account: Account) -> Row:
    balance = ledger.balance(session, account.id)
    return {
        "name": account.name,
        "is_prepaid": account.is_prepaid,
        "available_usd": float(balance.available_usd),
        "held_usd": float(balance.held_usd),
        "month_usd": float(balance.month_usd),
        "budget_soft_usd": _number(account.budget_soft_usd),
        "budget_hard_usd": _number(account.budget_hard_usd),
        **{name: getattr(account, name) for name in _AS_THEY_ARE},
    }


def _number(amount_usd: Decimal | None) -> float | None:
    return None if amount_usd is None else float(amount_usd)


def _plain(value: object) -> object:
    """As JSON has it: amounts as they are written."""
    return str(value) if isinstance(value, Decimal) else value
