"""The promises that rows and events alone can show, one question to the database each."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs import settings
from jobs.history.finding import SHOWN_MAX, Finding, judged
from jobs.rules.states import FINAL, MOVES

_SAYS_ONLY = ("job.cancel_requested", "job.deleted")
"""Kinds that tell of a job without moving it."""

_STEPS = """
WITH steps AS (
    SELECT id, job_id, kind, status, fence,
        lag(status) OVER story AS before,
        max(fence) FILTER (WHERE kind = 'job.claimed') OVER story AS newest,
        row_number() OVER story AS place
    FROM events WINDOW story AS (PARTITION BY job_id ORDER BY id)
)
"""


def one_row(session: Session) -> Finding:
    """I1: history and rows tell the same story, and every step of it is allowed."""
    broken = _ids(
        session,
        """
        SELECT coalesce(jobs.id, told.job_id)
        FROM (SELECT job_id, max(id) AS latest FROM events GROUP BY job_id) AS told
            FULL JOIN jobs ON jobs.id = told.job_id LEFT JOIN events ON events.id = told.latest
        WHERE jobs.id IS NULL OR events.status IS DISTINCT FROM jobs.status
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
        "every accepted job has exactly one row, and its events lead to it by allowed moves",
        _count(session, "SELECT count(DISTINCT job_id) FROM events"),
        broken,
    )


def one_name(session: Session) -> Finding:
    """I2: what rows can show of it; that a repeated key gets the same answer is for the callers' own books."""
    broken = _ids(
        session,
        """
        SELECT named.job_id FROM idempotency_keys named LEFT JOIN jobs ON jobs.id = named.job_id
        WHERE jobs.id IS NULL OR jobs.account_id <> named.account_id
        UNION
        SELECT job_id FROM idempotency_keys GROUP BY job_id HAVING count(*) > 1
        """,
    )
    return judged(
        "I2",
        "one idempotency key names one job of its account, and no job has two",
        _count(session, "SELECT count(*) FROM idempotency_keys"),
        broken,
    )


def one_effect(session: Session) -> Finding:
    """I3: every claim raises the fence by one, whatever happens next carries it, and there is one end."""
    broken = _ids(
        session,
        """
        SELECT job_id FROM steps WHERE fence <> coalesce(newest, 0)
        UNION
        SELECT job_id FROM steps WHERE kind = 'job.claimed'
        GROUP BY job_id HAVING count(*) <> max(fence) OR count(DISTINCT fence) <> count(*)
        UNION
        SELECT job_id FROM steps WHERE status = ANY(:final) AND kind <> 'job.deleted'
        GROUP BY job_id HAVING count(*) > 1
        UNION
        SELECT jobs.id FROM jobs LEFT JOIN steps ON steps.job_id = jobs.id AND steps.kind = 'job.completed'
        WHERE (jobs.status = 'completed') <> (jobs.output IS NOT NULL)
            OR (jobs.output IS NOT NULL AND jobs.output ->> 'key' IS DISTINCT FROM
                replace(concat_ws('/', jobs.account_id, 'jobs', jobs.id, steps.fence, jobs.id), '-', '') || '.mp4')
        """,
        final=list(FINAL),
    )
    return judged(
        "I3",
        "at most one attempt has an effect: one final event, one published video, and it carries the newest fence",
        _count(session, "SELECT count(DISTINCT job_id) FROM events WHERE kind = 'job.claimed'"),
        broken,
    )


def on_time(session: Session) -> Finding:
    """I4: whoever is unfinished is in time, or will be seen to within one rescue period."""
    chosen = settings.load()
    period_seconds = chosen.lease_seconds + 2 * chosen.chore_seconds + chosen.grace_seconds
    broken = _ids(
        session,
        """
        SELECT id FROM jobs WHERE finished_at IS NULL AND now() - make_interval(secs => :period) > least(
            finish_until,
            lease_until,
            CASE WHEN fence = 0 THEN wait_until END,
            CASE WHEN status = 'running' THEN started_at + make_interval(secs => run_seconds) END)
        """,
        period=period_seconds,
    )
    return judged(
        "I4",
        "no job stays unfinished past its deadline, or held past its lease, by more than one rescue period",
        _count(session, "SELECT count(*) FROM jobs"),
        broken,
        f"one rescue period is {period_seconds:g} s: a lease, two turns of the chores and the grace of a rendering",
    )


def quiet_after_cancel(session: Session) -> Finding:
    """I7: a confirmed cancel is the last word."""
    broken = _ids(
        session,
        """
        SELECT job_id FROM events cancelled WHERE kind = 'job.cancelled' AND (
            EXISTS (SELECT FROM events later WHERE later.job_id = cancelled.job_id AND later.id > cancelled.id
                AND later.kind <> 'job.deleted')
            OR EXISTS (SELECT FROM jobs WHERE id = cancelled.job_id AND (status <> 'cancelled' OR output IS NOT NULL)))
        """,
    )
    return judged(
        "I7",
        "after a cancel is confirmed nothing more happens to the job",
        _count(session, "SELECT count(*) FROM events WHERE kind = 'job.cancelled'"),
        broken,
    )


def _ids(session: Session, question: str, **given: object) -> list[str]:
    """The first jobs a question finds; it may ask `steps`: each event with what came before it in its job."""
    rows = session.execute(text(f"{_STEPS} SELECT * FROM ({question}) AS found(id) LIMIT {SHOWN_MAX}"), _plain(given))  # noqa: S608 - our own texts
    return [row[0].hex for row in rows]


def _count(session: Session, question: str) -> int:
    return int(session.execute(text(question)).scalar_one())


def _plain(given: Mapping[str, object]) -> dict[str, object]:
    return {name: [str(one) for one in value] if isinstance(value, list) else value for name, value in given.items()}
