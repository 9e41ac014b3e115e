"""What is still open at the upstream, for whoever asks there how it stands; asking is shared out, never doubled."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from jobs.database import transaction
from jobs.tables import UpstreamPace, UpstreamTry

_ASKED_AGAIN_SECONDS = 15.0

# What is just being sent is left to whoever sends it.
_OPEN = text("""
    SELECT id, upstream_key, upstream_id, marker,
        coalesce(doubted_at, held_until, made_at) AS doubted_since,
        EXTRACT(EPOCH FROM clock_timestamp() - made_at) AS age_seconds,
        EXTRACT(EPOCH FROM clock_timestamp() - coalesce(doubted_at, held_until, made_at)) AS doubted_seconds,
        EXTRACT(EPOCH FROM clock_timestamp() - coalesce(looked_at, accepted_at, made_at)) AS unasked_seconds
    FROM upstream_tries
    WHERE upstream_key = :key AND ended_at IS NULL AND (upstream_id IS NOT NULL OR held_until IS NULL
        OR held_until <= clock_timestamp())
    ORDER BY made_at
""")

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

_TO_STOP = text("""
    UPDATE upstream_tries SET stop_asked_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM upstream_tries
        WHERE stop_wanted_at IS NOT NULL AND stop_asked_at IS NULL AND ended_at IS NULL AND upstream_id IS NOT NULL
        ORDER BY stop_wanted_at LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING id, upstream_key, upstream_id
""")


@dataclass(frozen=True)
class Open:
    """A try that is not known to have ended. Without an `upstream_id` nobody knows whether it is there.

    Nobody has been sending it since `doubted_since`, which is `doubted_seconds` ago; `unasked_seconds` is for how long
    nobody asked.
    """

    id: uuid.UUID
    upstream_key: str
    upstream_id: str | None
    marker: str | None
    doubted_since: datetime
    age_seconds: float
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
        found = session.execute(_OPEN, {"key": upstream_key}).all()
    return [Open(*row[:5], *(float(seconds) for seconds in row[5:])) for row in found]


def strangers(upstream_key: str, upstream_ids: Collection[str]) -> set[str]:
    """Those of these names at the upstream that belong to no try of ours, open or ended, as far as we know."""
    ours = select(UpstreamTry.upstream_id).where(
        UpstreamTry.upstream_key == upstream_key, UpstreamTry.upstream_id.in_(upstream_ids)
    )
    with transaction() as session:
        return set(upstream_ids).difference(name for name in session.scalars(ours) if name is not None)


def told(most: int) -> list[There]:
    """Tries that the upstream's webhooks say have ended, for the caller to ask about; nobody else is given them now."""
    with transaction() as session:
        return [There(*row) for row in session.execute(_TOLD, {"most": most, "again": _ASKED_AGAIN_SECONDS})]


def to_stop(most: int) -> list[There]:
    """Tries that no job needs any more, for the caller to ask the upstream to stop; each is given out once."""
    with transaction() as session:
        return [There(*row) for row in session.execute(_TO_STOP, {"most": most})]


def asked(try_ids: list[uuid.UUID]) -> None:
    """Write down that the upstream was asked about these."""
    with transaction() as session:
        session.execute(
            update(UpstreamTry)
            .where(UpstreamTry.id.in_(try_ids), UpstreamTry.ended_at.is_(None))
            .values(looked_at=func.clock_timestamp())
        )


def keep_secret(upstream_key: str, secret: str) -> None:
    """Remember what the upstream signs its webhooks for a key with."""
    facts = {"webhook_secret": secret, "secret_read_at": func.clock_timestamp()}
    new = insert(UpstreamPace).values(name=upstream_key, **facts)
    with transaction() as session:
        session.execute(new.on_conflict_do_update(index_elements=["name"], set_=facts))
