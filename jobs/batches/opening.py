"""Opens a batch that was read: in one transaction its jobs are there, paid for and told of, or none of them is."""

import json
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from jobs import accounts, doorbell, events, ledger, paces, presence, turns
from jobs.accounts import Caller
from jobs.batches import ending, rows
from jobs.batches.holding import held
from jobs.batches.reading import check_in_time
from jobs.batches.sheet import Sheet
from jobs.batches.steering import hold_back
from jobs.database import after_commit, transaction
from jobs.errors import CallerError, NoCredit, NotAllowed, Unavailable
from jobs.rules import batches, limits
from jobs.rules.batches import Status
from jobs.rules.limits import Recent, Terms
from jobs.submission import standings
from jobs.submission.standings import Standing
from jobs.tables import Account, ApiKey, Batch

BAD_LINES = "bad-lines.jsonl"
_RINGS_MAX = 32


def caller_of(batch: Batch) -> Caller:
    """Who sent it, as they stand now. Raises NotAllowed when the key was revoked meanwhile."""
    of_key = select(ApiKey, Account).join(Account, Account.id == ApiKey.account_id).where(ApiKey.id == batch.key_id)
    with transaction() as session:
        key, account = session.execute(of_key).one()
    if key.revoked_at is not None:
        raise NotAllowed("The key that sent the batch was revoked before its lines were read.")
    return Caller(account.id, account.name, key.id, frozenset(key.scopes), accounts.terms_of(account))


def settle(batch: Batch, caller: Caller, sheet: Sheet) -> None:
    """Do what follows from what was read: open the batch, end it as judged, or as failed with the reason.

    Raises LeaseLost when another holds it, or it was cancelled: then nothing of it is there. Raises Unavailable.
    """
    estimate = _estimate(sheet)
    why_not = batches.why_not(sheet.lines, sheet.bad, batch.on_bad_lines)
    if why_not and not batch.is_validate_only:
        return fail(batch, why_not, sheet, estimate)
    try:
        _check_beforehand(batch, caller, sheet)
        if batch.is_validate_only:
            return _end_as_judged(batch, sheet, estimate)
        return _open(batch, caller, sheet, estimate)
    except Unavailable:
        raise  # the database is away: it is read again
    except CallerError as error:
        return fail(batch, f"The {sheet.jobs:,} jobs cannot be taken together. {error}", sheet, estimate)


def fail(batch: Batch, why: str, sheet: Sheet | None = None, estimate: dict[str, object] | None = None) -> None:
    """End a batch that cannot be opened; none of its jobs is there. Raises LeaseLost."""
    with transaction() as session:
        row = held(session, batch)
        _note(row, sheet, estimate)
        row.error = why
        ending.end(session, row, Status.FAILED)


def _open(batch: Batch, caller: Caller, sheet: Sheet, estimate: dict[str, object]) -> None:
    jobs_path, attachments_path, _ = sheet.paths
    with transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = '10min'"))
        row = held(session, batch)
        began_at: datetime = session.execute(select(func.now())).scalar_one()
        check_in_time(batch, began_at)
        rows.copy(session, "jobs", rows.JOB_COLUMNS, rows.dated(jobs_path, began_at, batch.expires_at))
        if sheet.attachments:
            rows.copy(session, "attachments", rows.ATTACHMENT_COLUMNS, rows.pieces(attachments_path))
        _write_down(session, batch, caller, sheet)
        if row.paused_at is not None:
            hold_back(session, row)
        _note(row, sheet, estimate)
        batches.check(Status(row.status), Status.IN_PROGRESS)
        row.status, row.jobs, row.in_progress_at, row.lease_until = Status.IN_PROGRESS, sheet.jobs, _now(session), None
        after_commit(session, _told(batch, sheet))


def _write_down(session: Session, batch: Batch, caller: Caller, sheet: Sheet) -> None:
    """Events, money and tally. An account's history is in order of its lock, where it has limits to be held to."""
    given = {"batch_id": batch.id}
    if _is_limited(caller.terms):
        standing = _admit(session, caller, sheet)
        session.execute(_EVENTS, given)
        session.execute(_HOLDS, given)
    else:  # nobody waits for the account's tally longer than for one order
        session.execute(_EVENTS, given)
        session.execute(_HOLDS, given)
        standing = _admit(session, caller, sheet)
    session.execute(_TALLY, _changes(caller, standing))
    # Failed jobs that are retried may be prepared already.
    turns.enter_all(session, caller.account_id, {*sheet.engines, *({"upstream"} if "cloud" in sheet.engines else ())})


def _admit(session: Session, caller: Caller, sheet: Sheet) -> Standing:
    standing = standings.lock(session, {caller.account_id})[caller.account_id]
    standing.admit_all(session, caller, sheet.price_usd, sheet.jobs, are_written=True)
    return standing


def _is_limited(terms: Terms) -> bool:
    return terms.is_prepaid or terms.submits_per_minute is not None or terms.waiting_max is not None


def _check_beforehand(batch: Batch, caller: Caller, sheet: Sheet) -> None:
    """Refuse what is sure to be refused before anything is written. Raises NoCredit and TooMany."""
    if batch.budget_usd is not None and sheet.price_usd > batch.budget_usd:
        most = f"{batch.budget_usd.normalize():f}"
        raise NoCredit(f"They cost at least {sheet.price_usd.normalize():f} USD; the batch may cost {most} USD.")
    with transaction() as session:
        balance = ledger.balance(session, caller.account_id)
    refused = limits.refusal(
        caller.terms,
        sheet.price_usd,
        available_usd=balance.available_usd,
        month_usd=balance.month_usd,
        recent=Recent(),
        waiting=0,
        count=sheet.jobs,
    )
    if refused is not None:
        raise refused


def _end_as_judged(batch: Batch, sheet: Sheet, estimate: dict[str, object]) -> None:
    with transaction() as session:
        row = held(session, batch)
        _note(row, sheet, estimate)
        ending.end(session, row, Status.COMPLETED)


def _note(row: Batch, sheet: Sheet | None, estimate: dict[str, object] | None) -> None:
    """What was learnt from the lines, in the batch's row."""
    if sheet is None:
        return
    row.lines, row.bad, row.problems, row.estimate = sheet.lines, sheet.bad, sheet.problems, estimate
    row.files = [BAD_LINES] if sheet.bad else []


def _estimate(sheet: Sheet) -> dict[str, object]:
    slots = {engine: presence.slots(engine)[0] for engine in sheet.engines}
    return sheet.estimate(paces.measured_all(sheet.videos), slots)


def _told(batch: Batch, sheet: Sheet) -> Callable[[], None]:
    """What follows the commit: say that there are jobs, and wake workers."""

    def tell() -> None:
        events.emit("batch.opened", batch=batch.id.hex, jobs=sheet.jobs, bad=sheet.bad)
        for engine, count in sheet.engines.items():
            for _ in range(min(count, _RINGS_MAX)):
                doorbell.ring(engine)

    return tell


def _now(session: Session) -> datetime:
    moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return moment


def _changes(caller: Caller, standing: Standing) -> dict[str, object]:
    return {
        "account_id": caller.account_id,
        "held_usd": standing.held_usd,
        "month": standing.month,
        "month_usd": standing.month_usd,
        "submits": json.dumps(standing.recent.counts),
        "submits_until": standing.recent.until,
        "waiting_most": standing.waiting_most,
    }


# What every order leaves behind (submission/statement.py), for all of a batch at once.
_EVENTS = text("""
    INSERT INTO events (account_id, job_id, kind, status, attempt, fence)
    SELECT account_id, id, 'job.created', status, 0, 0 FROM jobs WHERE batch_id = :batch_id ORDER BY batch_line
""")
_HOLDS = text("""
    INSERT INTO ledger_entries (account_id, kind, amount_usd, job_id, key_id, model)
    SELECT account_id, 'hold', held_usd, id, key_id, model FROM jobs
    WHERE batch_id = :batch_id AND held_usd > 0 ORDER BY batch_line
""")
_TALLY = text("""
    UPDATE tallies SET available_usd = available_usd - :held_usd, held_usd = held_usd + :held_usd, month = :month,
        month_usd = :month_usd, submits = ARRAY(SELECT CAST(value AS integer) FROM json_array_elements_text(:submits)),
        submits_until = :submits_until, waiting_most = :waiting_most
    WHERE account_id = :account_id
""")
