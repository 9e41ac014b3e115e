"""Looks for secrets where they must not stand: in events, in what callers are told, in logs; never repeats one."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from jobs import settings
from jobs.history.finding import SHOWN_MAX, Finding, judged
from jobs.ids import KEY_PREFIX, WEBHOOK_SECRET_PREFIX
from jobs.rules import tiers

_SHORTEST_SECRET = 8

_SHAPES = (
    r"X-Amz-(Signature|Credential|Security-Token)",  # a signed link
    rf"{KEY_PREFIX}[A-Za-z0-9_-]{{40,}}",  # one of our keys
    rf"{WEBHOOK_SECRET_PREFIX}[A-Za-z0-9+/]{{40,}}",  # what webhooks are signed with
    r"[a-z][a-z0-9+.-]*://[^][/ :@'\"<>()]*:[^][/ @'\"<>()*]+@",  # a URL with a password in it
)
"""What a secret looks like, in words that Postgres and Python understand alike."""

_SPOKEN = """
SELECT job_id AS id, detail::text AS said FROM events
UNION ALL SELECT job_id, detail::text FROM archived_events
UNION ALL SELECT id, concat_ws(' ', error, engine_reason, output::text, array_to_string(warnings, ' ')) FROM jobs
UNION ALL SELECT job_id, reason FROM upstream_tries
UNION ALL SELECT id, concat_ws(' ', error, problems::text) FROM batches
UNION ALL SELECT id, reason FROM deliveries
UNION ALL SELECT delivery_id, error FROM delivery_tries
UNION ALL SELECT id, sentence FROM error_groups
UNION ALL SELECT id, refusal FROM errands
"""
"""All that we say of what went wrong. What a receiver answered is left out: it may repeat to us what it was told."""


def none_told(session: Session, logs: Collection[Path]) -> Finding:
    """I9: no secret and no signed link in events, errors, reasons and these log files, the ones in use included."""
    secret = "|".join([*_SHAPES, *(re.escape(word) for word in _in_use())])
    rows = session.execute(
        text(f"SELECT DISTINCT id FROM ({_SPOKEN}) AS spoken WHERE said ~ :secret LIMIT {SHOWN_MAX}"),  # noqa: S608 - our own texts
        {"secret": secret},
    )
    subjects = session.execute(text(f"SELECT count(*) FROM ({_SPOKEN}) AS spoken")).scalar_one()  # noqa: S608 - as above
    lines = [line for path in logs for line in _read(path)]
    told = [row[0].hex for row in rows] + [place for place, line in lines if re.search(secret, line)]
    return judged("I9", "no secret and no signed link stands in events, errors or logs", subjects + len(lines), told)


def _in_use() -> Iterator[str]:
    """The secrets this process knows, to the letter."""
    chosen = settings.load()
    kept = (
        chosen.s3_secret_access_key,
        chosen.database_url,
        chosen.broker_url,
        chosen.broker_sentinel_password,
        chosen.oidc_client_secret,
    )
    for held in kept:
        word = held.get_secret_value()
        password = re.search(r"://[^/@]*?:([^/@]+)@", word)
        found = password[1] if password else word
        if len(found) >= _SHORTEST_SECRET:
            yield found
    yield from (key.text for key in tiers.read_keys(chosen.wavespeed_api_keys.get_secret_value()))


def _read(path: Path) -> Iterator[tuple[str, str]]:
    """Each line with where it stands."""
    with path.open(encoding="utf-8", errors="replace") as log:
        for number, line in enumerate(log, 1):
            yield f"{path.name}:{number}", line
