"""The queues' book: which accounts may have jobs in line, whose turn was when, and who comes next.

An account enters a queue with its first job there and leaves once it has no unfinished job. So a claim looks at
accounts that have something to do and at no others, however many there are.
"""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.rules.appraisal import ENGINES
from jobs.rules.catalog import MODELS
from jobs.rules.turns import Stand, queue_of
from jobs.tables import Job
from jobs.tables.jobs import IN_LINE, PREPARED, UNPREPARED

BATCH = 1000


@dataclass(frozen=True)
class Queue:
    """Who stands in a queue, and what its clock shows."""

    stands: tuple[Stand, ...]
    now: float


def enter(session: Session, job: Job) -> None:
    """Have claims find a job that comes into another queue; where its account stands there already, nothing is new."""
    with session.no_autoflush:  # our statement must not write a row that is half changed
        enter_all(session, job.account_id, {queue_of(job.engine, is_prepared=job.media is not None)})


def enter_all(session: Session, account_id: uuid.UUID, queues: Collection[str]) -> None:
    """Have claims find the account's jobs in these queues; its tally is locked, or it has an unfinished job already."""
    session.execute(_ENTER, {"account_id": account_id, "queues": sorted(queues)})


def look(session: Session, queue: str, most: int, *, heeds_limits: bool = True) -> Queue:
    """Who may begin jobs in a queue now, and how many each, counted no further than `most`.

    Without its limits an account may begin all that it has in line.
    """
    asked = {"queue": queue, "most": most, "heeds_limits": heeds_limits, "models": list(MODELS)}
    rows = session.execute(_UPSTREAM if queue == "upstream" else _ENGINE, asked).all()
    now = max((row.present for row in rows if row.present is not None), default=0.0)
    return Queue(tuple(Stand(row.account_id.hex, row.weight, row.turn, row.waiting) for row in rows), now)


def take_prepared(session: Session, order: Sequence[str]) -> list[Job]:
    """The first jobs in line for the upstream of accounts in this order, locked; what others hold is left out."""
    counts = Counter(order)
    given = {"accounts": list(counts), "counts": list(counts.values()), "models": list(MODELS)}
    ids = session.scalars(_FIRST, given).all()
    found = {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(ids)))}
    own: dict[str, Iterator[Job]] = {
        account: iter([found[one] for one in ids if found[one].account_id.hex == account]) for account in counts
    }
    return [job for account in order if (job := next(own[account], None)) is not None]


def charge(session: Session, queue: str, given: Mapping[uuid.UUID, float], now: float) -> None:
    """Write down the last turn that each of these accounts was given; rows are locked in everybody's order."""
    for account_id in sorted(given):
        session.execute(_CHARGE, {"queue": queue, "account_id": account_id, "turn": given[account_id], "present": now})


def tend() -> int:
    """Let accounts leave that have no unfinished job, and enter those that an older version of ours left out."""
    with transaction() as session:
        gone = session.scalars(_IDLE, {"most": BATCH}).all()
    with transaction() as session:
        # Whoever orders for them holds these rows too: what is ordered meanwhile is seen below, or enters after us.
        session.execute(_LOCK, {"accounts": gone})
        left = len(session.scalars(_LEAVE, {"accounts": gone}).all())
    with transaction() as session:
        return left + len(session.scalars(_FOUND, {"engines": [*ENGINES]}).all())


# Who stands there already is only looked at: ON CONFLICT would wait for whoever is just charging that row, and claims
# of accounts with limits wait for our tally meanwhile. Nobody leaves who has an unfinished job, or whose tally is held.
_ENTER = text("""
    INSERT INTO turns (queue, account_id)
    SELECT queue, :account_id FROM unnest(CAST(:queues AS text[])) AS asked (queue)
    WHERE NOT EXISTS (SELECT FROM turns WHERE turns.queue = asked.queue AND turns.account_id = :account_id)
    ON CONFLICT DO NOTHING
""")

_CHARGE = text("""
    UPDATE turns SET turn = greatest(turn, :turn), present = greatest(present, :present)
    WHERE queue = :queue AND account_id = :account_id
""")

_MAY_BEGIN = "due_at <= now() AND finish_until > now() AND (fence > 0 OR wait_until > now()) AND model = ANY(:models)"

_FIRST = text(f"""
    SELECT first.id FROM unnest(CAST(:accounts AS uuid[]), CAST(:counts AS integer[])) AS asked (account_id, count)
    CROSS JOIN LATERAL (
        SELECT id FROM jobs
        WHERE {IN_LINE} AND {PREPARED} AND jobs.account_id = asked.account_id AND {_MAY_BEGIN}
        ORDER BY in_line_since, id LIMIT asked.count FOR UPDATE SKIP LOCKED
    ) AS first
""")  # noqa: S608 - our own words, here and below

_STANDS = """
    SELECT turns.account_id, weight, turn, present, (
        SELECT count(*) FROM (
            SELECT FROM jobs WHERE {is_in_queue} AND jobs.account_id = turns.account_id AND {may_begin}
            LIMIT CASE WHEN paused_at IS NOT NULL THEN 0 ELSE least(:most, CASE WHEN :heeds_limits THEN room END) END
        ) AS first
    ) AS waiting
    FROM turns JOIN accounts ON accounts.id = turns.account_id
    LEFT JOIN LATERAL (
        SELECT greatest(running_max - count(*), 0) AS room FROM jobs
        WHERE jobs.account_id = accounts.id AND status IN ('running', 'forwarded')
    ) AS limited ON running_max IS NOT NULL
    WHERE turns.queue = :queue
"""
_OF_ENGINE = f"jobs.engine = :queue AND {IN_LINE} AND {UNPREPARED}"
_ENGINE = text(_STANDS.format(is_in_queue=_OF_ENGINE, may_begin=_MAY_BEGIN))
_UPSTREAM = text(_STANDS.format(is_in_queue=f"{IN_LINE} AND {PREPARED}", may_begin=_MAY_BEGIN))

# Two questions: each has an index of its own, in which nothing is that is finished.
_IS_IDLE = """
    NOT EXISTS (SELECT FROM jobs WHERE jobs.account_id = turns.account_id AND status = 'waiting')
    AND NOT EXISTS (SELECT FROM jobs WHERE jobs.account_id = turns.account_id AND status IN ('running', 'forwarded'))
"""
_IDLE = text(f"SELECT DISTINCT account_id FROM turns WHERE {_IS_IDLE} LIMIT :most")  # noqa: S608 - our own words
_LOCK = text("SELECT account_id FROM tallies WHERE account_id = ANY(:accounts) ORDER BY account_id FOR UPDATE")
_LEAVE = text(f"DELETE FROM turns WHERE account_id = ANY(:accounts) AND {_IS_IDLE} RETURNING account_id")  # noqa: S608 - our own words

# From account to account along the index of each queue, not from job to job.
_FOUND = text(f"""
    WITH RECURSIVE ahead (queue, account_id) AS (
        SELECT name, (
            SELECT account_id FROM jobs WHERE jobs.engine = name AND {IN_LINE} AND {UNPREPARED}
            ORDER BY account_id LIMIT 1
        ) FROM unnest(CAST(:engines AS text[])) AS asked (name)
        UNION ALL
        SELECT queue, (
            SELECT account_id FROM jobs WHERE jobs.engine = queue AND {IN_LINE} AND {UNPREPARED}
                AND jobs.account_id > ahead.account_id
            ORDER BY account_id LIMIT 1
        ) FROM ahead WHERE account_id IS NOT NULL
    )
    INSERT INTO turns (queue, account_id)
    SELECT queue, account_id FROM ahead WHERE account_id IS NOT NULL
    UNION SELECT 'upstream', account_id FROM jobs WHERE {IN_LINE} AND {PREPARED}
    ON CONFLICT DO NOTHING RETURNING account_id
""")  # noqa: S608 - our own words
