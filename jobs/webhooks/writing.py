"""Writes letters for what is owed: reads the jobs, endpoints and secrets of a whole batch with one question each."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from jobs import ids, settings
from jobs.tables import Account, Delivery, Job
from jobs.webhooks import letters as said
from jobs.webhooks.letters import Facts, Letter

_FACTS = [getattr(Job, name) for name in Facts._fields]
_ENDPOINTS = text("""
    SELECT id, url, concurrency,
        CASE WHEN former_until > now() THEN ARRAY[secret, former_secret] ELSE ARRAY[secret] END
    FROM endpoints WHERE id = ANY(:wanted)
""")


class Owed(NamedTuple):
    """What of a delivery its letter is written from."""

    id: uuid.UUID
    turn: int
    lane: uuid.UUID
    endpoint_id: uuid.UUID | None
    account_id: uuid.UUID
    url: str | None
    job_id: uuid.UUID | None
    kind: str
    detail: dict[str, Any]
    created_at: datetime
    tries: int
    is_failing: bool


@dataclass(frozen=True)
class Useless:
    """A delivery that nobody need be told of any more, and why."""

    delivery_id: uuid.UUID
    why: str


class _Pointless(Exception):
    """Why there is no letter; never leaves this module."""


@dataclass(frozen=True)
class _Known:
    jobs: Mapping[uuid.UUID, Facts]
    secrets: Mapping[uuid.UUID, str]
    endpoints: Mapping[uuid.UUID, tuple[str, int | None, list[str]]]


def owed(row: Delivery) -> Owed:
    """What a letter for `row` is written from, where nobody is asked how its receiver stands."""
    return Owed._make([*(getattr(row, name) for name in Owed._fields[:-1]), False])


def letters(session: Session, wanted: Sequence[Owed]) -> list[Letter | Useless]:
    """One for each, in order, as it would be posted now."""
    known = _Known(
        _jobs(session, {one.job_id for one in wanted if one.job_id}),
        _secrets(session, {one.account_id for one in wanted if one.endpoint_id is None}),
        _endpoints(session, {one.endpoint_id for one in wanted if one.endpoint_id}),
    )
    return [_letter(one, known) for one in wanted]


def _letter(one: Owed, known: _Known) -> Letter | Useless:
    try:
        body = _body(one, known)
    except _Pointless as reason:
        return Useless(one.id, str(reason))
    if one.endpoint_id is None:
        url, concurrency, secrets = one.url or "", None, [known.secrets[one.account_id]]
    else:
        url, concurrency, secrets = known.endpoints[one.endpoint_id]
    return Letter(
        delivery_id=one.id,
        turn=one.turn,
        lane=one.lane,
        endpoint_id=one.endpoint_id,
        kind=one.kind,
        tries=one.tries,
        # The contract wants the prediction's id; either stays the same at every try.
        webhook_id=(one.job_id or one.id).hex if one.endpoint_id is None else one.id.hex,
        url=url,
        concurrency=concurrency or settings.load().webhook_concurrency,
        is_failing=one.is_failing,
        secrets=tuple(secrets),
        body=body,
        job_id=one.job_id,
        traceparent=known.jobs[one.job_id].traceparent if one.job_id else None,
    )


def _body(one: Owed, known: _Known) -> bytes:
    job = known.jobs.get(one.job_id) if one.job_id else None
    if one.job_id and job is None:
        raise _Pointless("its job is no longer kept")
    if job is not None and said.is_overtaken(one.kind, job):
        raise _Pointless("the job went on meanwhile")
    if one.endpoint_id is None and job is not None:
        body = said.body_of_request(job)
    else:
        body = said.body_of_event(one.kind, one.created_at, job, one.detail)
    if len(body) > said.BODY_MAX_BYTES:
        raise _Pointless(f"its body has more than {said.BODY_MAX_BYTES} bytes")
    return body


def _jobs(session: Session, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, Facts]:
    kept = select(*_FACTS).where(Job.id.in_(wanted), Job.deleted_at.is_(None))
    rows = session.execute(kept) if wanted else ()
    return {row[0]: Facts(*row) for row in rows}


def _secrets(session: Session, wanted: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What accounts sign with; drawn now where an older version of ours made the account."""
    if not wanted:
        return {}
    own = select(Account.id, Account.webhook_secret).where(Account.id.in_(wanted))
    found = {account_id: secret for account_id, secret in session.execute(own) if secret}
    for account_id in wanted - found.keys():
        blank = update(Account).where(Account.id == account_id, Account.webhook_secret.is_(None))
        session.execute(blank.values(webhook_secret=ids.new_webhook_secret()))
        drawn = session.execute(select(Account.webhook_secret).where(Account.id == account_id)).scalar_one()
        found[account_id] = str(drawn)
    return found


def _endpoints(session: Session, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[str, int | None, list[str]]]:
    rows = session.execute(_ENDPOINTS, {"wanted": list(wanted)}) if wanted else ()
    return {endpoint_id: (url or "", concurrency, secrets) for endpoint_id, url, concurrency, secrets in rows}
