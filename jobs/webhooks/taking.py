"""Takes up what is due, a batch at a time and fairly: from lane to lane, so that no backlog stands before another's."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from jobs import settings
from jobs.database import transaction
from jobs.rules.deliveries import Status
from jobs.tables import Delivery
from jobs.webhooks import writing
from jobs.webhooks.letters import Letter
from jobs.webhooks.writing import Owed, Useless

START = uuid.UUID(int=0)
"""Where a walk over the lanes begins."""

# The recursion jumps from lane to lane on one index, however much is owed in each; as rows are wanted, so that a batch
# that is full ends it. Of one job only the oldest is taken, so that its news arrive in order. Where statistics are
# wrong, as they are while a backlog comes or goes, an array of ids and a question for each row keep to the indexes.
_TAKE = text("""
    WITH RECURSIVE lanes (lane) AS (
        (SELECT lane FROM deliveries WHERE status = 'owed' AND lane > :after ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (SELECT lane FROM deliveries WHERE status = 'owed' AND lane > lanes.lane ORDER BY lane LIMIT 1)
        FROM lanes WHERE lanes.lane IS NOT NULL
    ),
    due AS (
        SELECT found.id
        FROM lanes
        LEFT JOIN LATERAL (
            SELECT failures, shut_until FROM receivers WHERE lane = lanes.lane LIMIT 1
        ) AS standing ON true
        LEFT JOIN LATERAL (
            SELECT url IS NULL OR coalesce(paused_at, disabled_at, deleted_at) IS NOT NULL AS is_silent
            FROM endpoints WHERE id = lanes.lane LIMIT 1
        ) AS endpoint ON true
        CROSS JOIN LATERAL (
            SELECT id FROM deliveries
            WHERE status = 'owed' AND lane = lanes.lane AND due_at <= now()
                AND (taken_until IS NULL OR taken_until <= now())
                AND (
                    SELECT true FROM deliveries AS before
                    WHERE before.job_id = deliveries.job_id AND before.lane = deliveries.lane
                        AND before.settled_at IS NULL AND before.id < deliveries.id
                    LIMIT 1
                ) IS NULL
            ORDER BY due_at, id
            LIMIT CASE
                WHEN endpoint.is_silent OR standing.shut_until > now() THEN 0
                WHEN standing.failures > 0 THEN least(1, (CAST(:rooms AS jsonb) ->> lanes.lane::text)::int)
                ELSE coalesce((CAST(:rooms AS jsonb) ->> lanes.lane::text)::int, :fresh)
            END
            FOR UPDATE SKIP LOCKED
        ) AS found
        LIMIT :most
    )
    UPDATE deliveries SET turn = turn + 1, taken_until = now() + :hold_seconds * interval '1 second'
    WHERE id = ANY(ARRAY(SELECT id FROM due))
    RETURNING id, turn, lane, endpoint_id, account_id, url, job_id, kind, detail, created_at, tries,
        EXISTS (SELECT FROM receivers WHERE receivers.lane = deliveries.lane AND failures > 0)
""")


@dataclass(frozen=True)
class Batch:
    """What was taken up, and the lane to go on after."""

    letters: Sequence[Letter]
    after: uuid.UUID
    is_whole: bool
    """Whether the walk came to the last lane."""


def hold_seconds() -> float:
    """How long what was taken up is ours: longer than any post, and what is held is posted in the first half."""
    return 4 * settings.load().webhook_seconds


def take(most: int, rooms: Mapping[uuid.UUID, int], fresh: int, after: uuid.UUID = START) -> Batch:
    """Take up at most `most` deliveries that are due, of lanes after `after`.

    `rooms` says how many more of each lane the caller has room for; of a lane it does not name, `fresh` are taken.
    Whoever takes them has `hold_seconds` to settle them or hand them back; then they are free for others.
    """
    asked = {
        "most": most,
        "rooms": json.dumps({str(lane): room for lane, room in rooms.items()}),
        "fresh": fresh,
        "after": after,
        "hold_seconds": hold_seconds(),
    }
    with transaction() as session:
        taken = [Owed(*row) for row in session.execute(_TAKE, asked)]
        written = writing.letters(session, taken)
        _give_up(session, [one for one in written if isinstance(one, Useless)])
    is_whole = len(taken) < most
    after = START if is_whole else max(one.lane for one in taken)
    return Batch([one for one in written if isinstance(one, Letter)], after, is_whole)


def _give_up(session: Session, useless: Sequence[Useless]) -> None:
    """Settle what there is no use in telling; it is rare."""
    for one in useless:
        given_up = {"status": Status.GIVEN_UP, "settled_at": text("now()"), "taken_until": None, "reason": one.why}
        session.execute(update(Delivery).where(Delivery.id == one.delivery_id).values(given_up))
