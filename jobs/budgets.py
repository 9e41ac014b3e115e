"""Monthly budgets: tells, once a month, that the soft one has been reached."""

import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from jobs import events, outbox
from jobs.database import after_commit
from jobs.rules.limits import Terms


def tell_if_reached(
    session: Session,
    owner: tuple[uuid.UUID, str],
    terms: Terms,
    month: date,
    *,
    before_usd: Decimal,
    more_usd: Decimal,
) -> None:
    """Announce it where so much more takes the month over the soft budget; nothing is refused.

    `owner` is the account and its name; its tally is locked, so that nobody else crosses at the same time.
    """
    budget_usd, spent_usd = terms.budget_soft_usd, before_usd + more_usd
    if budget_usd is not None and before_usd < budget_usd <= spent_usd:
        account_id, name = owner
        facts = {"month": f"{month:%Y-%m}", "budget_usd": float(budget_usd), "spent_usd": float(spent_usd)}
        outbox.announce(session, account_id, "budget.reached", facts)
        after_commit(session, lambda: events.emit("budget.reached", account=name, **facts))
