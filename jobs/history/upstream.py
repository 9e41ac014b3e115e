"""The promise about the upstream, read off the tries: nothing is sent there, and paid, twice without need."""

from sqlalchemy.orm import Session

from jobs.history.asking import broken, count
from jobs.history.finding import Finding, judged
from jobs.rules.retries import COLLECTS_MIN

# A video that came is paid for. Only when it could not be fetched for so often is there another try after it.
_BESIDE_ANOTHER = """
    SELECT later.job_id FROM upstream_tries AS former
        JOIN upstream_tries AS later ON later.job_id = former.job_id AND later.id > former.id
    WHERE former.ended_at IS NULL OR former.ended_at > later.made_at
        OR former.outcome = 'completed' AND former.collects < :collects_min
"""
_UNAGREED = """
    SELECT later.job_id FROM upstream_tries AS former
        JOIN upstream_tries AS later ON later.job_id = former.job_id AND later.id > former.id
        JOIN accounts ON accounts.id = former.account_id
    WHERE former.outcome = 'unproven' AND NOT resends_unproven
"""
_NOT_ITS_OWN = """
    SELECT orders.id FROM orders LEFT JOIN LATERAL (
        SELECT outcome, collected_at FROM upstream_tries WHERE job_id = orders.id ORDER BY id DESC LIMIT 1
    ) AS newest ON true
    WHERE orders.status = 'completed' AND engine = 'cloud'
        AND (newest.outcome IS DISTINCT FROM 'completed' OR newest.collected_at IS NULL)
"""
_DOUBLED = """
    SELECT CAST(min(CAST(job_id AS text)) AS uuid) FROM upstream_tries WHERE upstream_id IS NOT NULL
    GROUP BY upstream_key, upstream_id HAVING count(*) > 1
"""


def never_twice(session: Session) -> Finding:
    """I10: one try after the other, a further one only where the former gave no video, and the last one's video."""
    return judged(
        "I10",
        "a job is sent to the upstream again only after its former try ended without a video that could be fetched",
        count(session, "SELECT count(*) FROM upstream_tries"),
        broken(
            session,
            f"{_BESIDE_ANOTHER} UNION {_UNAGREED} UNION {_NOT_ITS_OWN} UNION {_DOUBLED}",
            collects_min=COLLECTS_MIN,
        ),
        "what may have been charged and was sent again is judged by what its account allows today",
    )
