"""The promises about money: what the ledger, the tallies and the jobs say of it must be one story."""

import uuid

from sqlalchemy.orm import Session

from jobs import clock, settings
from jobs.history.asking import broken, count
from jobs.history.finding import Finding, judged
from jobs.rules import months
from jobs.rules.money import EFFECTS

_ENTRIES = """
SELECT entry.*, available * amount_usd AS available_usd, held * amount_usd AS held_usd
FROM ledger_entries AS entry JOIN (VALUES {}) AS effect (kind, available, held) USING (kind)
""".format(", ".join(f"('{kind}', {available}, {held})" for kind, (available, held) in EFFECTS.items()))
"""Every entry with what it does to its account's tally."""

_OF_TALLIES = f"""
    SELECT account_id
    FROM (SELECT account_id, sum(available_usd) AS available_usd, sum(held_usd) AS held_usd
        FROM ({_ENTRIES}) AS entries GROUP BY account_id) AS sums
    FULL JOIN tallies USING (account_id)
    WHERE coalesce(sums.available_usd, 0) IS DISTINCT FROM tallies.available_usd
        OR coalesce(sums.held_usd, 0) IS DISTINCT FROM tallies.held_usd
"""  # noqa: S608 - our own words

# Judged by what the account has agreed to today.
_PAYS = """(status = 'cancelled' AND EXISTS (
    SELECT FROM accounts WHERE accounts.id = orders.account_id AND pays_cancelled)
    AND EXISTS (SELECT FROM upstream_tries WHERE upstream_tries.job_id = orders.id))"""
"""A job that was cancelled while it was at the upstream costs its price, if its account has agreed to that."""

_OF_JOBS = f"""
    SELECT coalesce(orders.id, of_job.job_id)
    FROM (SELECT job_id, account_id, sum(held_usd) AS held_usd,
            coalesce(sum(amount_usd) FILTER (WHERE kind = 'capture'), 0) AS captured_usd,
            count(*) FILTER (WHERE kind = 'capture') AS captures
        FROM ({_ENTRIES}) AS entries WHERE job_id IS NOT NULL GROUP BY job_id, account_id) AS of_job
    FULL JOIN orders ON orders.id = of_job.job_id AND orders.account_id = of_job.account_id
    WHERE orders.id IS NULL AND of_job.job_id >= :first_kept
        OR orders.held_usd <> coalesce(of_job.held_usd, 0)
        OR of_job.captures > 1
        OR coalesce(captured_usd, 0) <> CASE WHEN status = 'completed' OR {_PAYS} THEN price_usd ELSE 0 END
        OR status IN ('completed', 'failed', 'cancelled') AND orders.held_usd <> 0
        OR status IN ('failed', 'cancelled') AND price_usd <> 0 AND NOT {_PAYS}
        OR engine = 'preview' AND (price_usd <> 0 OR orders.held_usd <> 0)
"""  # noqa: S608 - our own words

# Before its first top-up an account may have been unlimited; what an operator took from it is not what it spent.
_OF_PREPAID = f"""
    SELECT job_id FROM (
        SELECT job_id, kind,
            sum(available_usd) FILTER (WHERE kind <> 'adjust' OR available_usd > 0) OVER story AS left_usd,
            count(*) FILTER (WHERE kind = 'topup') OVER story AS topups
        FROM ({_ENTRIES}) AS entries JOIN accounts ON accounts.id = account_id AND is_prepaid
        WINDOW story AS (PARTITION BY account_id ORDER BY entries.id)) AS spent
    WHERE kind = 'hold' AND topups > 0 AND left_usd < 0
"""  # noqa: S608 - our own words


def all_accounted_for(session: Session) -> Finding:
    """I6: what was held is captured or released, once, and every sum is the sum of its entries.

    Of a job that the archive has forgotten, as it was told to, the ledger alone still knows.
    """
    keep = settings.load().keep_archive_months
    this_month = clock.now().date().replace(day=1)
    first_kept = months.first_id(months.after(this_month, -keep)) if keep else uuid.UUID(int=0)
    return judged(
        "I6",
        "held money is captured or released, nothing is charged twice, and every balance is the sum of its entries",
        count(session, "SELECT count(*) FROM ledger_entries"),
        broken(session, f"{_OF_TALLIES} UNION {_OF_JOBS} UNION {_OF_PREPAID}", first_kept=first_kept),
        "that a prepaid account spent no more than it had is judged from its first top-up on",
    )
