"""Takes many callers' orders together, and gives each its own answer or error."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import psycopg
from pydantic_core import PydanticSerializationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from jobs import accounts, doorbell, driving, events
from jobs.accounts import Caller
from jobs.database import after_commit, transaction
from jobs.errors import CallerError, DuologueError, NotFound, Unavailable
from jobs.idempotency import FullName, Named
from jobs.submission import standings, statement
from jobs.submission.standings import Standing, TallyIsKept
from jobs.submission.wishes import Draft, Order, Wish, draft
from jobs.tables import Job
from jobs.together import all_or_each

Names = dict[FullName, Named]
_GROUP_PATIENCE_MS = 200
"""How long a group waits for an account that somebody keeps."""


@dataclass(frozen=True)
class Taken:
    """An order that was taken: its job, which is committed and readable, and whether it was made just now.

    What was made just now is known without reading it: by its draft, and the moment it was accepted.
    """

    caller: Caller
    job_id: uuid.UUID
    is_new: bool
    created_at: datetime | None = None
    draft: Draft | None = field(default=None, repr=False)


def submit(caller: Caller, wish: Wish, idempotency_key: str | None = None) -> Job:
    """Accept `wish` for `caller`: when this returns the job is committed and readable.

    Nothing is fetched here. With an `idempotency_key` that named the same wish before, that job is returned instead.
    Raises NotFound for an unknown model, MissingInput or WrongInput naming the field, Conflict when the key named
    another wish, NotAllowed, NoCredit and TooMany by the account's terms, and Unavailable when the database is away:
    then it may have been taken, but only if it went away in the very commit, and an `idempotency_key` makes asking
    again safe.
    """
    job, _ = submit_once(caller, wish, idempotency_key)
    return job


def submit_once(caller: Caller, wish: Wish, idempotency_key: str | None) -> tuple[Job, bool]:
    """As `submit`; beside the job, whether it was made just now."""
    return found_or_taken(caller, take_one(draft(Order(caller, wish, idempotency_key))))


def submit_together(asked: Sequence[tuple[str, Wish, str | None]]) -> list[Taken | Exception]:
    """For each API key, wish and name, in order: what was taken, or the error that is this asker's own.

    The keys are looked up anew: one revoked a moment ago orders nothing. What the database refuses of one order is that
    order's error alone; TallyIsKept is that of one which had better be tried alone. Raises Unavailable for all.
    """
    callers = accounts.identify_all([key for key, _, _ in asked])
    drafts = [_drafted(caller, wish, name) for caller, (_, wish, name) in zip(callers, asked, strict=True)]
    taken = iter(take([one for one in drafts if isinstance(one, Draft)]))
    return [next(taken) if isinstance(one, Draft) else one for one in drafts]


def submit_alone(key: str, wish: Wish, name: str | None) -> Taken:
    """As `submit_together` for one, with seconds of patience where somebody keeps its account's tally.

    Raises what that returns, and Unavailable.
    """
    [caller] = accounts.identify_all([key])
    one = _drafted(caller, wish, name)
    if isinstance(one, CallerError):
        raise one
    return take_one(one)


def take_one(one: Draft) -> Taken:
    """Take one draft. Raises its error."""
    [taken] = take([one], patience_ms=standings.PATIENCE_MS)
    if isinstance(taken, Exception):
        raise taken
    return taken


def found_or_taken(caller: Caller, taken: Taken) -> tuple[Job, bool]:
    """The row of what was taken; beside it, whether it is new. Raises NotFound when it has been deleted since.

    A database that goes away after the commit refuses nobody what was taken: whoever repeated it would pay twice.
    """
    try:
        with transaction() as session:
            job = session.get(Job, taken.job_id)
    except Unavailable:
        if taken.draft is None or taken.created_at is None:
            raise
        return statement.written(taken.draft, taken.created_at), True
    if job is None or job.deleted_at is not None or job.account_id != caller.account_id:
        raise NotFound("The job this Idempotency-Key names has been deleted.")
    return job, taken.is_new


def _drafted(caller: Caller | CallerError, wish: Wish, name: str | None) -> Draft | CallerError:
    if isinstance(caller, CallerError):
        return caller
    try:
        caller.require("submit")
        return draft(Order(caller, wish, name))
    except CallerError as error:
        return error


def take(drafts: Sequence[Draft], *, patience_ms: int = _GROUP_PATIENCE_MS) -> list[Taken | Exception]:
    """Those of accounts with room for them at once, the others by the rules.

    What the database refuses of one order is that order's error alone, and so is the account that somebody keeps.
    """
    done = all_or_each(_with_room, drafts, _REFUSALS)
    judged = iter(_by_account([one for one, answer in zip(drafts, done, strict=True) if answer is None], patience_ms))
    return [next(judged) if answer is None else answer for answer in done]


def _by_account(drafts: Sequence[Draft], patience_ms: int) -> list[Taken | Exception]:
    """All in one transaction; if the database refuses it, each in its own. What goes wrong is theirs alone.

    Where somebody keeps an account's tally, those of each account go by themselves, and nobody is waited for a second
    time: only its own cannot be taken.
    """
    accounts_of_all = dict.fromkeys(one.caller.account_id for one in drafts)
    try:
        return all_or_each(partial(_judged, patience_ms=patience_ms), drafts, _REFUSALS) if drafts else []
    except Exception as error:  # noqa: BLE001 - others have been taken for good
        if len(accounts_of_all) == 1 or not isinstance(error, TallyIsKept):
            return [error] * len(drafts)
    found = {
        account_id: iter(_by_account([one for one in drafts if one.caller.account_id == account_id], 1))
        for account_id in accounts_of_all
    }
    return [next(found[one.caller.account_id]) for one in drafts]


_REFUSALS = (DBAPIError, psycopg.Error, PydanticSerializationError)


def _with_room(drafts: Sequence[Draft]) -> list[Taken | None]:
    """In one statement all that nothing speaks against; None for those that the rules have to judge."""
    named = Counter(_full_name(one) for one in drafts if one.name is not None)
    plain = [one for one in drafts if not one.attachments and named[_full_name(one)] <= 1]
    if not plain:
        return [None] * len(drafts)
    created_at, to_be_judged = statement.write_with_room(plain)
    new = [one for one in plain if one.caller.account_id not in to_be_judged]
    driving.aside(partial(_tell, new))
    taken = {one.job_id: _new(one, created_at) for one in new}
    return [taken.get(one.job_id) for one in drafts]


def _judged(drafts: Sequence[Draft], *, patience_ms: int) -> list[Taken | Exception]:
    """All in one transaction, each by the rules."""
    with transaction() as session:
        standing, names = _locked(session, drafts, patience_ms)
        answers = [_admit(session, one, standing[one.caller.account_id], names) for one in drafts]
        new = [one for one, answer in zip(drafts, answers, strict=True) if _is_new(answer)]
        if new:
            created_at = statement.write(session, new, standing)
            answers = [
                _new(one, created_at) if _is_new(answer) else answer
                for one, answer in zip(drafts, answers, strict=True)
            ]
            after_commit(session, partial(_tell, new))
    return answers


def _locked(session: Session, drafts: Sequence[Draft], patience_ms: int) -> tuple[dict[uuid.UUID, Standing], Names]:
    """How the drafts' accounts stand, locked, and what their names stand for: asked together."""
    own_names = {_full_name(one) for one in drafts if one.name is not None}
    own = {one.caller.account_id for one in drafts}
    return standings.lock_and_look_up(session, own, own_names, patience_ms=patience_ms)


def _admit(session: Session, one: Draft, standing: Standing, names: Names) -> Taken | Exception:
    """Take it, find what its name stands for, or say why not."""
    try:
        if one.name is not None and (before := names.get(_full_name(one))):
            before.check(one.digest)
            return Taken(one.caller, before.job_id, is_new=False)
        standing.admit(session, one)
    except DuologueError as error:
        return error
    if one.name is not None:
        names[_full_name(one)] = Named(one.job_id, one.digest)
    return Taken(one.caller, one.job_id, is_new=True)


def _tell(new: Sequence[Draft]) -> None:
    """What follows the commit: say that there are jobs, and wake a worker for each."""
    for row in (one.row for one in new):
        traced = {"traceparent": row["traceparent"]} if row.get("traceparent") else {}
        events.emit("job.created", job=row["id"], model=row["model"], engine=row["engine"], attempt=0, **traced)
        doorbell.ring(row["engine"])


def _full_name(one: Draft) -> FullName:
    return one.caller.account_id, one.name or ""


def _is_new(answer: Taken | Exception) -> bool:
    return isinstance(answer, Taken) and answer.is_new


def _new(one: Draft, created_at: datetime) -> Taken:
    return Taken(one.caller, one.job_id, is_new=True, created_at=created_at, draft=one)
