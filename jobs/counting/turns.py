"""Adds what is new in the tables that only grow to what was counted, a part at a time.

Ids are drawn before they are committed, so that among the latest some may still be missing. Whoever counts notes the
last id that can be seen and the transactions under way, and counts up to it once all of those have ended: a turn later,
and nothing is counted twice or left out, whatever dies in between.
"""

from typing import Final

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from jobs.counting import sources
from jobs.database import transaction
from jobs.tables import Watermark

PART: Final = 5_000


def turn() -> int:
    """Count what can be counted by now; how many rows that were. Raises Unavailable."""
    return sum(_to_the_end(source) for source in sources.ALL)


def _to_the_end(source: str) -> int:
    done = 0
    while found := _part(source):
        done += found
    return done


def _part(source: str) -> int:
    """Count one part, or look how far can be counted next; how many rows were counted."""
    with transaction() as session:
        mark = _locked(session, source)
        now = session.execute(_LOOK).one()
        # A number from before the database was restored elsewhere may never be reached there.
        is_settled = now.oldest >= mark.next_xid or mark.next_xid > now.next_xid
        before, upto = mark.counted_id, min(mark.next_id, mark.counted_id + PART)
        if is_settled and upto > before:
            session.execute(sources.ALL[source], sources.given(after=before, upto=upto))
            mark.counted_id = upto
        if is_settled and upto == mark.next_id and (last := sources.last_id(session, source)) > upto:
            mark.next_id, mark.next_xid = last, now.next_xid
        return mark.counted_id - before


_LOOK = text("""
    SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS oldest,
        CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS next_xid
""")


def _locked(session: Session, source: str) -> Watermark:
    session.execute(insert(Watermark).values(source=source).on_conflict_do_nothing())
    return session.scalars(select(Watermark).where(Watermark.source == source).with_for_update()).one()
