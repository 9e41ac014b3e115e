"""The promises about jobs that rows and events alone can show, one question to the database each."""

from sqlalchemy.orm import Session

from jobs import settings
from jobs.history.asking import broken, count
from jobs.history.finding import Finding, judged
from jobs.rules.states import FINAL, MOVES

_SAYS_ONLY = ("job.arrived", "job.cancel_requested", "job.deleted", "job.rerouted")
"""Kinds that tell of a job without moving it."""


def one_row(session: Session) -> Finding:
    """I1: history and rows tell the same story, in the hot tables or in the archive, and every step is allowed.

    Whose job it is, its key says too: no foreign key of the rows does.
    """
    found = broken(
        session,
        """
        SELECT coalesce(orders.id, known.job_id)
        FROM (SELECT job_id, is_archived, max(id) AS latest FROM told GROUP BY job_id, is_archived) AS known
            FULL JOIN orders ON orders.id = known.job_id AND orders.is_archived = known.is_archived
            LEFT JOIN told ON told.id = known.latest
        WHERE orders.id IS NULL OR told.status IS DISTINCT FROM orders.status
        UNION
        SELECT id FROM orders GROUP BY id HAVING count(*) > 1
        UNION
        SELECT orders.id FROM orders LEFT JOIN api_keys ON api_keys.id = orders.key_id
        WHERE api_keys.account_id IS DISTINCT FROM orders.account_id
        UNION
        SELECT job_id FROM steps
        WHERE (place = 1) <> (kind = 'job.created')
            OR NOT CASE WHEN place = 1 THEN status = 'waiting' WHEN kind = ANY(:says_only) THEN before = status
                ELSE before || '>' || status = ANY(:moves) END
        """,
        moves=[f"{origin}>{target}" for origin, targets in MOVES.items() for target in targets],
        says_only=list(_SAYS_ONLY),
    )
    return judged(
        "I1",
        "every accepted job has exactly one row, hot or archived, and its events lead to it by allowed moves",
        count(session, "SELECT count(DISTINCT job_id) FROM told"),
        found,
    )


def one_name(session: Session) -> Finding:
    """I2: what rows can show of it; that a repeated key gets the same answer is for the callers' own books."""
    found = broken(
        session,
        """
        SELECT named.job_id FROM idempotency_keys named LEFT JOIN orders ON orders.id = named.job_id
        WHERE orders.id IS NULL OR orders.account_id <> named.account_id
        UNION
        SELECT job_id FROM idempotency_keys GROUP BY job_id HAVING count(*) > 1
        """,
    )
    return judged(
        "I2",
        "one idempotency key names one job of its account, and no job has two",
        count(session, "SELECT count(*) FROM idempotency_keys"),
        found,
    )


def one_effect(session: Session) -> Finding:
    """I3: whoever takes a job up raises its fence by one, whatever happens next carries it, and there is one end."""
    found = broken(
        session,
        """
        SELECT job_id FROM steps WHERE fence <> coalesce(newest, 0)
        UNION
        SELECT job_id FROM steps WHERE is_begin
        GROUP BY job_id HAVING count(*) <> max(fence) OR count(DISTINCT fence) <> count(*)
        UNION
        SELECT job_id FROM steps WHERE status = ANY(:final) AND kind <> 'job.deleted'
        GROUP BY job_id HAVING count(*) > 1
        UNION
        SELECT orders.id FROM orders LEFT JOIN steps ON steps.job_id = orders.id AND steps.kind = 'job.completed'
        WHERE orders.status = 'completed' AND steps.fence IS DISTINCT FROM orders.fence
            OR NOT is_archived AND (orders.status = 'completed') <> (orders.output IS NOT NULL)
            OR orders.output IS NOT NULL AND orders.output ->> 'key' IS DISTINCT FROM
                replace(concat_ws('/', orders.account_id, 'jobs', orders.id, steps.fence, orders.id), '-', '') || '.mp4'
        """,
        final=list(FINAL),
    )
    return judged(
        "I3",
        "at most one attempt has an effect: one final event, one published video, and it carries the newest fence",
        count(session, "SELECT count(DISTINCT job_id) FROM steps WHERE is_begin"),
        found,
    )


def on_time(session: Session) -> Finding:
    """I4: whoever is unfinished is in time, or will be seen to within one rescue period."""
    chosen = settings.load()
    period_seconds = chosen.lease_seconds + 2 * chosen.chore_seconds + chosen.grace_seconds
    found = broken(
        session,
        """
        SELECT id FROM jobs WHERE finished_at IS NULL AND now() - make_interval(secs => :period) > least(
            finish_until,
            lease_until,
            CASE WHEN fence = 0 THEN wait_until END,
            CASE WHEN status = 'running' OR status = 'forwarded' AND NOT EXISTS (
                    SELECT FROM upstream_tries
                    WHERE job_id = jobs.id AND outcome = 'completed' AND collected_at IS NULL)
                THEN started_at + make_interval(secs => run_seconds) END)
        """,
        period=period_seconds,
    )
    return judged(
        "I4",
        "no job stays unfinished past its deadline, or held past its lease, by more than one rescue period",
        count(session, "SELECT count(*) FROM orders"),
        found,
        f"one rescue period is {period_seconds:g} s: a lease, two turns of the chores and the grace of a rendering",
    )


def quiet_after_cancel(session: Session) -> Finding:
    """I7: a confirmed cancel is the last word."""
    found = broken(
        session,
        """
        SELECT job_id FROM told cancelled WHERE kind = 'job.cancelled' AND (
            EXISTS (SELECT FROM told later WHERE later.job_id = cancelled.job_id AND later.id > cancelled.id
                AND later.kind <> 'job.deleted')
            OR EXISTS (SELECT FROM orders
                WHERE id = cancelled.job_id AND (status <> 'cancelled' OR output IS NOT NULL)))
        """,
    )
    return judged(
        "I7",
        "after a cancel is confirmed nothing more happens to the job",
        count(session, "SELECT count(*) FROM told WHERE kind = 'job.cancelled'"),
        found,
    )
