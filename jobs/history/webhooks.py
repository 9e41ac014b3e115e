"""The promise about webhooks: whoever was to be told of an end was told, or it is known why not."""

from sqlalchemy.orm import Session

from jobs import settings
from jobs.history.asking import broken, count
from jobs.history.finding import Finding, judged
from jobs.rules.deliveries import OWED_MAX_DAYS

# What ended before anything was ever owed, ended under a version of ours that told nobody. What ended longer ago than
# the log goes back may have been told and forgotten.
_FORGOTTEN = """
    SELECT jobs.id FROM jobs
    WHERE webhook_url IS NOT NULL AND finished_at > (SELECT min(created_at) FROM deliveries)
        AND finished_at > now() - make_interval(secs => 86400 * :kept_days) + interval '1 hour'
        AND NOT EXISTS (SELECT FROM deliveries WHERE job_id = jobs.id AND url IS NOT NULL)
"""
_DOUBLED = """
    SELECT job_id FROM deliveries WHERE url IS NOT NULL AND job_id IS NOT NULL
    GROUP BY job_id HAVING count(*) > 1
"""
_OWED_TOO_LONG = """
    SELECT coalesce(job_id, id) FROM deliveries
    WHERE status = 'owed' AND owed_since < now() - make_interval(days => :days)
        AND NOT EXISTS (SELECT FROM endpoints WHERE endpoints.id = endpoint_id AND paused_at IS NOT NULL)
"""
_NOT_REALLY_TOLD = """
    SELECT coalesce(job_id, deliveries.id) FROM deliveries
    WHERE status = 'delivered' AND url IS NOT NULL AND NOT EXISTS (
        SELECT FROM delivery_tries WHERE delivery_id = deliveries.id AND status BETWEEN 200 AND 299)
"""


def told(session: Session) -> Finding:
    """I5: each final job with a webhook owes it once; it is delivered, given up on, or still within its days."""
    return judged(
        "I5",
        "every final job with a webhook has it owed once, and delivered or given up on in its days",
        count(session, "SELECT count(*) FROM deliveries"),
        broken(
            session,
            f"{_FORGOTTEN} UNION {_DOUBLED} UNION {_OWED_TOO_LONG} UNION {_NOT_REALLY_TOLD}",
            days=OWED_MAX_DAYS + 1,
            kept_days=settings.load().keep_deliveries_days,
        ),
        f"what is owed may take {OWED_MAX_DAYS} days; jobs in the archive no longer say that they had a webhook, nor "
        "the log that jobs were told of which ended before DUOLOGUE_KEEP_DELIVERIES_DAYS",
    )
