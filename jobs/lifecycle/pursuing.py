"""What is still open at the upstream, for whoever asks there how it stands; asking is shared out, never doubled."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from jobs import clock
from jobs.database import transaction
from jobs.lifecycle import tries
from jobs.tables import UpstreamPace, UpstreamTry

_ASKED_AGAIN_SECONDS = 15.0

_AS_OPEN = """
    id, upstream_key, upstream_id, marker,
    coalesce(doubted_at, held_until, made_at) AS doubted_since,
    EXTRACT(EPOCH FROM clock_timestamp() - made_at) AS age_seconds,
    EXTRACT(EPOCH FROM clock_timestamp() - coalesce(doubted_at, held_until, made_at)) AS doubted_seconds,
    EXTRACT(EPOCH FROM clock_timestamp() - coalesce(looked_at, accepted_at, made_at)) AS unasked_seconds
"""

# What is just being sent is left to whoever sends it.
_OPEN = text(f"""
    SELECT {_AS_OPEN} FROM upstream_tries
    WHERE upstream_key = :key AND ended_at IS NULL AND (upstream_id IS NOT NULL OR held_until IS NULL
        OR held_until <= clock_timestamp())
    ORDER BY made_at
""")  # noqa: S608 - our own words

_STRAYS_AGAIN_SECONDS = 60.0
"""Each time the whole list is read since the oldest of them."""

_STRAYS = text(f"""
    UPDATE upstream_tries SET looked_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM upstream_tries
        WHERE upstream_key <> ALL(CAST(:names AS text[])) AND ended_at IS NULL AND upstream_id IS NULL
            AND (held_until IS NULL OR held_until <= clock_timestamp())
            AND (looked_at IS NULL OR looked_at < clock_timestamp() - make_interval(secs => :again))
        ORDER BY looked_at NULLS FIRST LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING {_AS_OPEN}
""")  # noqa: S608 - our own words

_TOLD = text("""
    UPDATE upstream_tries SET looked_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM upstream_tries
        WHERE told_at IS NOT NULL AND ended_at IS NULL AND upstream_id IS NOT NULL
            AND (looked_at IS NULL OR looked_at < told_at
                OR looked_at < clock_timestamp() - make_interval(secs => :again))
        ORDER BY told_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id, upstream_key, upstream_id
""")

_STOP_AGAIN_SECONDS = 15.0
"""The sweep in between may find that it has ended."""
_STOP_PATIENCE_SECONDS = 600.0

_TO_STOP = text("""
    UPDATE upstream_tries SET stop_asked_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM upstream_tries
        WHERE stop_wanted_at IS NOT NULL AND stop_heard_at IS NULL AND ended_at IS NULL AND upstream_id IS NOT NULL
            AND stop_wanted_at > clock_timestamp() - make_interval(secs => :patience)
            AND (stop_asked_at IS NULL OR stop_asked_at < clock_timestamp() - make_interval(secs => :again))
        ORDER BY stop_asked_at NULLS FIRST LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id, upstream_key, upstream_id
""")


@dataclass(frozen=True)
class Open:
    """A try that is not known to have ended. Without an `upstream_id` nobody knows whether it is there.

    Nobody has been sending it since `doubted_since`, which is `doubted_seconds` ago; `unasked_seconds` is for how long
    nobody asked. `made_at` is by this machine's clock, not by Postgres'.
    """

    id: uuid.UUID
    upstream_key: str
    upstream_id: str | None
    marker: str | None
    doubted_since: datetime
    made_at: datetime
    doubted_seconds: float
    unasked_seconds: float


@dataclass(frozen=True)
class There:
    """A try that the upstream has, by the upstream's name for it."""

    id: uuid.UUID
    upstream_key: str
    upstream_id: str


def open_of(upstream_key: str) -> list[Open]:
    """All that may be running with a key, oldest first."""
    with transaction() as session:
        return [_open(row) for row in session.execute(_OPEN, {"key": upstream_key})]


def strangers(upstream_ids: Collection[str]) -> set[str]:
    """Those of these names at the upstream that belong to no try of ours, open or ended, as far as we know.

    Keys of one account there share a list, so it does not matter with which key a try was sent.
    """
    ours = select(UpstreamTry.upstream_id).where(UpstreamTry.upstream_id.in_(upstream_ids))
    with transaction() as session:
        return set(upstream_ids).difference(name for name in session.scalars(ours) if name is not None)


def told(most: int) -> list[There]:
    """Tries that the upstream's webhooks say have ended, for the caller to ask about; nobody else is given them now."""
    with transaction() as session:
        return [There(*row) for row in session.execute(_TOLD, {"most": most, "again": _ASKED_AGAIN_SECONDS})]


def to_stop(most: int) -> list[There]:
    """Tries that no job needs any more, for the caller to ask the upstream to stop; each is given to one.

    What is not `heard` there is given again a little later, for ten minutes: nobody waits for it.
    """
    with transaction() as session:
        given = {"most": most, "again": _STOP_AGAIN_SECONDS, "patience": _STOP_PATIENCE_SECONDS}
        return [There(*row) for row in session.execute(_TO_STOP, given)]


def heard(try_id: uuid.UUID) -> None:
    """Write down that the upstream has answered our wish to stop this one, with yes or no."""
    with transaction() as session:
        session.execute(
            update(UpstreamTry).where(UpstreamTry.id == try_id).values(stop_heard_at=func.clock_timestamp())
        )


def asked(try_ids: list[uuid.UUID]) -> None:
    """Write down that the upstream is being asked about these."""
    with transaction() as session:
        tries.lock(session, try_ids)
        session.execute(
            update(UpstreamTry)
            .where(UpstreamTry.id.in_(try_ids), UpstreamTry.ended_at.is_(None))
            .values(looked_at=func.clock_timestamp())
        )


def orphaned(names: Collection[str], most: int) -> list[There]:
    """Tries that the upstream has and whose key is none of these, for the caller to ask about with another.

    Those come first that nobody asked about for longest.
    """
    own = select(UpstreamTry.id).where(
        UpstreamTry.upstream_key.not_in(names), UpstreamTry.ended_at.is_(None), UpstreamTry.upstream_id.is_not(None)
    )
    some = own.order_by(UpstreamTry.looked_at.nulls_first()).limit(most).with_for_update(skip_locked=True)
    taken = update(UpstreamTry).where(UpstreamTry.id.in_(some.scalar_subquery()))
    columns = (UpstreamTry.id, UpstreamTry.upstream_key, UpstreamTry.upstream_id)
    with transaction() as session:
        found = session.execute(taken.values(looked_at=func.clock_timestamp()).returning(*columns))
        return [There(try_id, key, upstream_id or "") for try_id, key, upstream_id in found]


def strays(names: Collection[str], most: int) -> list[Open]:
    """Tries of which nobody knows whether they are there, and whose key is none of these; each is given to one.

    What is not found is given again a minute later.
    """
    with transaction() as session:
        given = {"names": list(names), "most": most, "again": _STRAYS_AGAIN_SECONDS}
        return [_open(row) for row in session.execute(_STRAYS, given)]


def adopt(try_id: uuid.UUID, upstream_key: str) -> None:
    """This key reads the try's prediction too: it is asked about with it from now on."""
    with transaction() as session:
        session.execute(
            update(UpstreamTry)
            .where(UpstreamTry.id == try_id, UpstreamTry.ended_at.is_(None))
            .values(upstream_key=upstream_key)
        )


def keep_secret(upstream_key: str, secret: str) -> None:
    """Remember what the upstream signs its webhooks for a key with."""
    facts = {"webhook_secret": secret, "secret_read_at": func.clock_timestamp()}
    new = insert(UpstreamPace).values(name=upstream_key, **facts)
    with transaction() as session:
        session.execute(new.on_conflict_do_update(index_elements=["name"], set_=facts))


def _open(row: Any) -> Open:  # noqa: ANN401 - the driver makes the class of its rows as they come
    return Open(
        id=row.id,
        upstream_key=row.upstream_key,
        upstream_id=row.upstream_id,
        marker=row.marker,
        doubted_since=row.doubted_since,
        made_at=clock.now() - timedelta(seconds=float(row.age_seconds)),
        doubted_seconds=float(row.doubted_seconds),
        unasked_seconds=float(row.unasked_seconds),
    )
