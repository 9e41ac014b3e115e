"""Jobs that cost money, made and ended the way a door and a worker do it, today or on an earlier day."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from jobs import accounts, ledger, lifecycle, listing, settings, terms
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import JobError
from jobs.lifecycle import Claim
from jobs.rules.scopes import ALL, Scope
from jobs.tables import Job, Tally
from jobs.terms import Changes
from tests import factories
from tests.conftest import Member
from tests.past import execute

PRICE_USD = Decimal("0.60")
"""What a job costs whose longer voice has `SECONDS`."""
FLOOR_USD = Decimal("0.15")
"""What is held while its voices are not known."""
SECONDS = 20.0
GPU_MS = 1500


def render_for_money(patch: pytest.MonkeyPatch) -> None:
    """From now on there is an engine whose videos cost something."""
    patch.setenv("DUOLOGUE_ENGINES", "gpu,preview")
    settings.load.cache_clear()


def ordered(caller: Caller, **wishes: object) -> Job:
    return factories.submit(caller, **{"engine": "gpu"} | wishes)  # type: ignore[arg-type]  # as the factory takes them


@contextmanager
def kept(caller: Caller) -> Iterator[None]:
    """Somebody keeps the account's tally all the while."""
    with transaction() as session:
        session.execute(select(Tally).where(Tally.account_id == caller.account_id).with_for_update())
        yield


def paid(caller: Caller, **wishes: object) -> Job:
    """A job that completed; nobody else's may be waiting."""
    job = ordered(caller, **wishes)
    claim = taken()
    lifecycle.finish(claim, factories.output(claim), inference_ms=GPU_MS)
    return listing.job(caller, job.id)


def failed(caller: Caller, error: JobError, **wishes: object) -> Job:
    """A job that failed, after its media were known."""
    job = ordered(caller, **wishes)
    lifecycle.stumble(taken(), error)
    return listing.job(caller, job.id)


def taken() -> Claim:
    """The next waiting job of the engine that costs something, its media known."""
    claim = factories.claim(engine="gpu")
    lifecycle.keep_media(claim, {"left_audio": {"seconds": SECONDS}, "right_audio": {"seconds": 3.0}})
    return claim


def antedate(job: Job, moment: datetime) -> uuid.UUID:
    """Have all of it have happened at `moment`; its id from then on, which begins with its moment too."""
    drawn = int(moment.timestamp() * 1000) << 80 | job.id.int & 2**80 - 1
    found = {"old": job.id, "new": uuid.UUID(int=drawn), "at": moment}
    execute(
        "UPDATE jobs SET id = :new, created_at = :at, finished_at = finished_at - (created_at - :at) WHERE id = :old",
        **found,
    )
    execute("UPDATE events SET job_id = :new, at = :at WHERE job_id = :old", **found)
    execute("UPDATE ledger_entries SET job_id = :new, at = :at WHERE job_id = :old", **found)
    return uuid.UUID(int=drawn)


def top_up(caller: Caller, amount_usd: Decimal | int) -> None:
    with transaction() as session:
        ledger.top_up(session, caller.account_id, Decimal(amount_usd), "an invoice")


def change(member: Member, changes: Changes) -> Member:
    """The member under other terms."""
    with transaction() as session:
        terms.change(session, terms.named(session, member.caller.account), changes)
    with transaction() as session:
        return Member(accounts.identify(session, member.key), member.key)


def with_scopes(member: Member, *scopes: Scope) -> Member:
    """The same account, through another key that may do no more than this."""
    with transaction() as session:
        _, key = accounts.create_key(session, name="narrow", account=member.caller.account, scopes=scopes)
    with transaction() as session:
        return Member(accounts.identify(session, key), key)


def without_scope(member: Member, scope: Scope) -> Member:
    """The same account, through another key that may do everything else."""
    return with_scopes(member, *(other for other in ALL if other != scope))
