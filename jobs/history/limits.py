"""The promise that no account had more than it may, read off its events."""

from sqlalchemy.orm import Session

from jobs.history.asking import broken, count
from jobs.history.finding import Finding, judged

_MINUTE_SECONDS = 60

# In the order of ids: a claim counts what is committed, and what is committed has its id by then.
_UNDER_WAY = """
    SELECT job_id FROM (
        SELECT job_id, running_max, is_begun AND NOT was_begun AS begins,
            sum(CAST(is_begun AS int) - CAST(was_begun AS int)) OVER (PARTITION BY account_id ORDER BY id) AS under_way
        FROM (
            SELECT id, account_id, job_id, status IN ('running', 'forwarded') AS is_begun,
                coalesce(before IN ('running', 'forwarded'), false) AS was_begun
            FROM steps) AS moves
        JOIN (SELECT id AS account_id, running_max FROM accounts WHERE running_max IS NOT NULL) AS limited
            USING (account_id)) AS counted
    WHERE begins AND under_way > running_max
"""

# Only those never claimed: what an attempt puts back among the waiting was taken long before.
_WAITING = """
    SELECT job_id FROM (
        SELECT job_id, waiting_max, place = 1 AS is_new, sum(CASE
            WHEN place = 1 THEN 1
            WHEN before = 'waiting' AND status <> 'waiting' AND fence = CAST(is_begin AS int) THEN -1
            ELSE 0 END) OVER (PARTITION BY account_id ORDER BY id) AS waiting
        FROM steps JOIN (SELECT id AS account_id, waiting_max FROM accounts WHERE waiting_max IS NOT NULL) AS limited
            USING (account_id)) AS counted
    WHERE is_new AND waiting > waiting_max
"""

# An order is counted at some instant between the begin of its transaction and its event: these two are surely as far
# apart as the counts were, or further.
_SUBMITS = """
    SELECT job_id FROM (
        SELECT job_id, at, lag(began_at, submits_per_minute) OVER (PARTITION BY account_id ORDER BY id) AS began_at
        FROM (
            SELECT told.id, told.account_id, told.job_id, told.at, orders.created_at AS began_at, submits_per_minute
            FROM told JOIN orders ON orders.id = told.job_id
                JOIN accounts ON accounts.id = told.account_id AND submits_per_minute IS NOT NULL
            WHERE told.kind = 'job.created') AS created) AS spaced
    WHERE at - began_at < make_interval(secs => :minute)
"""

_SUBJECTS = """
    SELECT count(*) FROM told JOIN accounts ON accounts.id = told.account_id
    WHERE kind = 'job.created' AND coalesce(running_max, waiting_max, submits_per_minute) IS NOT NULL
"""


def never_exceeded(session: Session) -> Finding:
    """I8: as far as events and today's limits can show it."""
    return judged(
        "I8",
        "an account's limits are never exceeded: jobs at once, jobs waiting, submits a minute",
        count(session, _SUBJECTS),
        broken(session, f"{_UNDER_WAY} UNION {_WAITING} UNION {_SUBMITS}", minute=_MINUTE_SECONDS),
        "judged by today's limits: one that was lowered makes what went before look wrong, and one that was raised or"
        " taken away hides what went before; models, engines and budgets are not judged",
    )
