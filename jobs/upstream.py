"""The pace of our upstream keys, shared by all workers: who submits takes his leave here first, in his transaction.

Jobs in flight are counted, not remembered: a try that has no end is in flight. So a crash leaves nothing to put right.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs import settings
from jobs.errors import WrongSetting
from jobs.rules import tiers
from jobs.rules.tiers import Standing, UpstreamKey

_MAKE = text("INSERT INTO upstream_keys (name) SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING")
# Always in the same order, so that two who want the same keys wait for each other and never for ever.
_LOCK = text("SELECT name FROM upstream_keys WHERE name = ANY(:names) ORDER BY name FOR UPDATE")
# A statement of its own: what it sees of the tries is from after the wait for the lock.
_STAND = text("""
    SELECT name, paced_until, closed_until,
        (SELECT count(*) FROM upstream_tries WHERE upstream_key = name AND ended_at IS NULL) AS in_flight
    FROM upstream_keys WHERE name = ANY(:names)
""")
_SHOW = text("""
    SELECT asked.name,
        (SELECT count(*) FROM upstream_tries WHERE upstream_key = asked.name AND ended_at IS NULL),
        (SELECT count(*) FROM upstream_tries
            WHERE upstream_key = asked.name AND ended_at IS NULL AND upstream_id IS NULL),
        CASE WHEN closed_until > now() THEN closed_until END, CASE WHEN closed_until > now() THEN closed_because END
    FROM unnest(CAST(:names AS text[])) AS asked (name) LEFT JOIN upstream_keys ON upstream_keys.name = asked.name
""")
_NOW = text("SELECT clock_timestamp()")
_PACE = text("UPDATE upstream_keys SET paced_until = :paced_until WHERE name = :name")
_CLOSE = text("""
    UPDATE upstream_keys SET closed_because = :because,
        closed_until = greatest(closed_until, clock_timestamp() + make_interval(secs => :seconds))
    WHERE name = :name
""")


@dataclass(frozen=True)
class KeyStanding:
    """A key with what runs there for it, of which so much is in doubt, and until when nothing is submitted with it."""

    key: UpstreamKey
    running: int
    in_doubt: int
    closed_until: datetime | None
    closed_because: str | None


def configured() -> tuple[UpstreamKey, ...]:
    """Our keys at the upstream, as they are set. Raises WrongSetting, naming the variable."""
    variable, given = f"{settings.PREFIX}WAVESPEED_API_KEYS", settings.load().wavespeed_api_keys.get_secret_value()
    if not given:
        raise WrongSetting(f"{variable} is not set: give it your upstream keys with their tiers, as in KEY:silver.")
    try:
        return tiers.read_keys(given)
    except WrongSetting as error:
        raise WrongSetting(f"{variable}: {error}") from None


def take(session: Session, keys: Sequence[UpstreamKey], wanted: int) -> Counter[str]:
    """Take leave for up to `wanted` submits; how many through which key, by its name.

    The caller writes down a try for each in this same transaction, and submits once it is committed. Leave that is
    then not used is lost to the minute, but to nothing else.
    """
    names = sorted(key.name for key in keys)
    if len(session.execute(_LOCK, {"names": names}).all()) < len(names):
        session.execute(_MAKE, {"names": names})
        session.execute(_LOCK, {"names": names})
    standings, now = _look(session, keys)
    allowed = [allowance for allowance in tiers.spread(standings, wanted, now) if allowance.count]
    for allowance in allowed:
        session.execute(_PACE, {"name": allowance.key, "paced_until": allowance.paced_until})
    return Counter({allowance.key: allowance.count for allowance in allowed})


def standings(session: Session, keys: Sequence[UpstreamKey]) -> list[KeyStanding]:
    """How each of these keys stands, for operators."""
    found = {row.name: row for row in session.execute(_SHOW, {"names": [key.name for key in keys]})}
    rows = [(key, found.get(key.name)) for key in keys]
    return [KeyStanding(key, *(row[1:] if row else (0, 0, None, None))) for key, row in rows]


def close(session: Session, key: str, seconds: float, because: str) -> None:
    """Submit nothing more through `key` for so long; `because` is a sentence without the key in it."""
    session.execute(_MAKE, {"names": [key]})
    session.execute(_CLOSE, {"name": key, "seconds": seconds, "because": because})


def _look(session: Session, keys: Sequence[UpstreamKey]) -> tuple[list[Standing], datetime]:
    """How each key stands, with the tier it is set to today, and Postgres' own moment."""
    found = session.execute(_STAND, {"names": [key.name for key in keys]}).all()
    rows = {row.name: row for row in found}
    standings = [
        Standing(key.name, key.tier, row.in_flight, row.paced_until, row.closed_until)
        if (row := rows.get(key.name))
        else Standing(key.name, key.tier)
        for key in keys
    ]
    now: datetime = session.execute(_NOW).scalar_one()
    return standings, now
