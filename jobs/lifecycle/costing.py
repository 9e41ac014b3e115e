"""What the upstream charged for each try, as its bill says it: the last word on what a job cost us."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from jobs.database import transaction
from jobs.lifecycle import tries

REFUND_DAYS = 3
"""What was not given back by then is not expected back any more."""

_SINCE = text("""
    SELECT min(made_at) FROM upstream_tries
    WHERE upstream_key = :key AND upstream_id IS NOT NULL AND reconciled_at IS NULL
""")

# A try is done with once the bill says what its end lets expect: a charge for what is complete, nothing for the rest.
_CHARGE = text("""
    UPDATE upstream_tries AS one
    SET charged_usd = billed.charged_usd,
        reconciled_at = CASE
            WHEN one.outcome = 'completed' OR one.outcome IS NOT NULL AND billed.charged_usd = 0
                OR one.ended_at < now() - make_interval(days => :days)
            THEN clock_timestamp() END
    FROM unnest(CAST(:ids AS text[]), CAST(:usd AS numeric[])) AS billed (upstream_id, charged_usd)
    WHERE one.upstream_key = :key AND one.upstream_id = billed.upstream_id AND one.reconciled_at IS NULL
        AND one.made_at >= :since
    RETURNING one.id, one.charged_usd, one.reconciled_at IS NOT NULL AS is_done
""")

_OURS = text("""
    SELECT id FROM upstream_tries
    WHERE upstream_key = :key AND upstream_id = ANY(:ids) AND reconciled_at IS NULL AND made_at >= :since
""")

# What the bill never names was never charged; of what was made before it was read from it says nothing.
_FREE = text("""
    UPDATE upstream_tries SET charged_usd = 0, reconciled_at = clock_timestamp()
    WHERE upstream_key = :key AND upstream_id IS NOT NULL AND reconciled_at IS NULL AND charged_usd IS NULL
        AND made_at >= :since AND ended_at < now() - make_interval(days => :days)
    RETURNING id
""")


def unbilled_since(upstream_key: str) -> datetime | None:
    """From when on the bill has something to say that we do not know yet; None when it has not."""
    with transaction() as session:
        since: datetime | None = session.execute(_SINCE, {"key": upstream_key}).scalar_one()
    return since


def charge(upstream_key: str, since: datetime, charged_usd: Mapping[str, Decimal]) -> int:
    """Have each try count for what the bill says, by the upstream's id; how many are done with by that.

    `since` is from when on the bill was read: of older tries it may say only half.
    """
    asked: dict[str, object] = {
        "key": upstream_key,
        "ids": list(charged_usd),
        "usd": list(charged_usd.values()),
        "days": REFUND_DAYS,
    }
    asked["since"] = since
    with transaction() as session:
        tries.lock_jobs(session, session.scalars(_OURS, asked).all())
        billed = session.execute(_CHARGE, asked).all()
        tries.count(session, {row.id: row.charged_usd for row in billed})
        free = session.scalars(_FREE, asked).all()
        tries.count(session, dict.fromkeys(free, tries.NOTHING))
    return sum(1 for row in billed if row.is_done) + len(free)
