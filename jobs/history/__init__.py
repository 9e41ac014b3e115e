"""Reads the event history and says of each of the house's ten promises whether it was kept; changes nothing."""

from collections.abc import Collection
from pathlib import Path

from sqlalchemy import text

from jobs.database import transaction
from jobs.history import invariants, leaks, limits, money, upstream, videos, webhooks
from jobs.history.finding import Finding

__all__ = ["Finding", "check"]


def check(*, with_bucket: bool = False, logs: Collection[Path] = ()) -> list[Finding]:
    """Judge I1 to I10 at one moment of the database, in order; some twenty seconds per million events.

    `with_bucket` fetches every kept video and compares it with what was promised of it. `logs` are files that are read
    for secrets too. Raises Unavailable when Postgres is away, StorageError when the bucket is.
    """
    with transaction() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        session.execute(text("SET LOCAL statement_timeout = '10min'"))
        found = [
            invariants.one_row(session),
            invariants.one_name(session),
            invariants.one_effect(session),
            invariants.on_time(session),
            webhooks.told(session),
            money.all_accounted_for(session),
            invariants.quiet_after_cancel(session),
            limits.never_exceeded(session),
            leaks.none_told(session, logs),
            upstream.never_twice(session),
        ]
        published = videos.published(session) if with_bucket else []
    return [*found, videos.as_promised(published)] if with_bucket else found
