"""Orders a finished job once more."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import dispatch, idempotency, ids, settings
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, NotFound
from jobs.rules import inputs, keys, knobs, limits
from jobs.rules.catalog import MODELS
from jobs.rules.states import State
from jobs.submission.taking import Taken, found_or_taken, take_one
from jobs.submission.wishes import Draft, model_named, price
from jobs.tables import Attachment, Batch, Job


def rerun(caller: Caller, job_id: uuid.UUID | None, idempotency_key: str | None = None) -> tuple[Job, bool]:
    """Order a finished job once more: a new job of its own that names the old one; beside it, whether it is new.

    Links are fetched anew; media that came inside the old request are taken over. Raises NotFound, and Conflict while
    the old one is unfinished, when such media are gone, or when the key named something else; and what `submit` does.
    """
    if (before := _named_before(caller, job_id, idempotency_key)) is not None:
        return found_or_taken(caller, before)
    own = select(Job).where(Job.id == job_id, Job.account_id == caller.account_id, Job.deleted_at.is_(None))
    with transaction() as session:
        old = session.scalars(own).one_or_none()
        if old is None:
            raise NotFound("There is no such job.")
        if not State(old.status).is_final:
            raise Conflict(f"The job is {old.status}; only a finished one can be run again.")
        draft = draft_again(session, caller, old, idempotency_key)
    return found_or_taken(caller, take_one(draft))


def draft_again(session: Session, caller: Caller, old: Job, name: str | None = None) -> Draft:
    """The same order from the start: the same form, seed and labels, but today's engines and deadlines of its own.

    Raises NotAllowed and WrongInput where the account or this house no longer takes it, Conflict
    when its media are gone.
    """
    model, tracks = model_named(old.model), _tracks(old)
    catalog_usd = price(model, old.inputs, "cloud", tracks)
    wanted = knobs.only_gpu(old.options, old.engine_wanted, settings.load().engines)
    route = dispatch.choose(caller.terms, wanted, catalog_usd, session=session)
    knobs.check_engine(old.options, route.engine)
    limits.check_allowed(caller.terms, old.model, route.engine)
    media = old.media if _has_inline(old) and _are_kept(session, old) else None
    price_usd = price(model, old.inputs, route.engine, tracks)
    ends_at = session.scalars(select(Batch.expires_at).where(Batch.id == old.batch_id)).one_or_none()
    kept = ("model", "inputs", "seed", "options", "tags", "webhook_url", "wants_base64", "priority", "engine_wanted")
    row = {name: getattr(old, name) for name in kept} | {
        "id": ids.new_id().hex,
        "account_id": caller.account_id.hex,
        "key_id": caller.key_id.hex,
        "rerun_of": old.id.hex,
        "metadata": old.metadata_,
        "engine": route.engine,
        "engine_reason": route.reason,
        "media": media,
        "price_usd": str(price_usd),
        "wait_seconds": _span(old, old.wait_until, ends_at, settings.load().wait_seconds),
        "run_seconds": min(old.run_seconds, settings.load().run_seconds),
        "total_seconds": _span(old, old.finish_until, ends_at, settings.load().total_seconds),
    }
    return Draft(
        caller=caller,
        row=row,
        price_usd=price_usd,
        attachments=_attachments(session, old, has_media=media is not None),
        name=name,
        digest=_digest(old.id),
    )


def _span(old: Job, until: datetime, ends_at: datetime | None, usual_seconds: int) -> float:
    """As long as the old job had; at least as is usual, where its batch's end had cut that short."""
    seconds = (until - old.created_at).total_seconds()
    return seconds if ends_at is None or until < ends_at else max(seconds, usual_seconds)


def _named_before(caller: Caller, job_id: uuid.UUID | None, name: str | None) -> Taken | None:
    """What the name stands for already: true even when the old job has left since. Raises WrongInput and Conflict."""
    if name is None or job_id is None:
        return None
    idempotency.check(name)
    full_name = (caller.account_id, name)
    with transaction() as session:
        before = idempotency.named(session, {full_name}).get(full_name)
    if before is None:
        return None
    before.check(_digest(job_id))
    return Taken(caller, before.job_id, is_new=False)


def _digest(job_id: uuid.UUID) -> bytes:
    return idempotency.digest({"rerun_of": job_id.hex})


def _attachments(session: Session, old: Job, *, has_media: bool) -> dict[str, str]:
    """Media that came inside the old request, if intake had not made them regular files."""
    rows = session.scalars(select(Attachment).where(Attachment.job_id == old.id)).all()
    if _has_inline(old) and not rows and not has_media:
        raise Conflict("The media sent inside the first request have been removed; submit it anew with them.")
    return {row.field: row.content for row in rows}


def _are_kept(session: Session, old: Job) -> bool:
    """Whether the job's files stay: those of a re-run that never had its own belong to the job that it repeats."""
    owners = {old.id, *(keys.job_of(facts["key"]) for facts in (old.media or {}).values())}
    staying = select(Job.id).where(Job.id.in_(owners), Job.objects_removed_at.is_(None), Job.deleted_at.is_(None))
    return set(session.scalars(staying)) == owners


def _has_inline(job: Job) -> bool:
    return any(str(value).startswith(inputs.ATTACHMENT) for value in job.inputs.values())


def _tracks(job: Job) -> dict[str, float]:
    """How long each voice was, if the old job's media were read."""
    found = {voice: (job.media or {}).get(voice, {}).get("seconds") for voice in MODELS[job.model].voices}
    return {voice: seconds for voice, seconds in found.items() if seconds is not None}
