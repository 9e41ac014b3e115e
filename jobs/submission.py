"""Takes an order: checks it, writes it down with all that follows from it, and rings once it is safe."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs import doorbell, idempotency, ids, journal, settings
from jobs.accounts import Caller
from jobs.database import after_commit, transaction
from jobs.errors import Conflict, NotFound, WrongInput
from jobs.rules import inputs, routing
from jobs.rules.catalog import MODELS, Model
from jobs.rules.states import State
from jobs.tables import Attachment, Job

PRIORITY_MAX = 100
TAGS_MAX = 20
TAG_MAX_LETTERS = 100


@dataclass(frozen=True)
class Wish:
    """What a caller asks for. Seconds left as None take the settings' default."""

    model: str
    inputs: Mapping[str, object]
    engine: str = "auto"
    priority: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    webhook_url: str | None = None
    wants_base64: bool = False
    wait_seconds: int | None = None
    run_seconds: int | None = None
    total_seconds: int | None = None


def submit(caller: Caller, wish: Wish, idempotency_key: str | None = None) -> Job:
    """Accept `wish` for `caller`: when this returns the job is committed and readable.

    Nothing is fetched here. With an `idempotency_key` that named the same wish before, that job is returned instead.
    Raises NotFound for an unknown model, MissingInput or WrongInput naming the field, Conflict when the key named
    another wish, Unavailable when the database is away: then it may have been taken, but only if it went away in the
    very commit, and an `idempotency_key` makes asking again safe.
    """
    job, _ = submit_once(caller, wish, idempotency_key)
    return job


def submit_once(caller: Caller, wish: Wish, idempotency_key: str | None) -> tuple[Job, bool]:
    """As `submit`; beside the job, whether it was made just now."""
    model = _model_named(wish.model)
    cleaned = inputs.clean(model, wish.inputs)
    _check_extras(wish)
    route = routing.choose(wish.engine, settings.load().engines)
    job_id = ids.new_id()
    attachments = _detach_inline_media(caller, job_id, model, cleaned)
    job = _write_out(caller, wish, job_id, cleaned, route)
    with transaction() as session:
        if idempotency_key is not None:
            named = idempotency.remember(session, caller, idempotency_key, asdict(wish), job_id)
            if named != job_id:
                return _named_before(session, named), False
        _take(session, job, attachments)
    return job, True


def rerun(caller: Caller, job_id: uuid.UUID | None, idempotency_key: str | None = None) -> tuple[Job, bool]:
    """Order a finished job once more: a new job of its own that names the old one; beside it, whether it is new.

    Links are fetched anew; media that came inside the old request are taken over. Raises NotFound, and Conflict while
    the old one is unfinished, when such media are gone, or when the key named something else.
    """
    own = select(Job).where(Job.id == job_id, Job.account_id == caller.account_id, Job.deleted_at.is_(None))
    with transaction() as session:
        old = session.scalars(own).one_or_none()
        if old is None:
            raise NotFound("There is no such job.")
        if not State(old.status).is_final:
            raise Conflict(f"The job is {old.status}; only a finished one can be run again.")
        job = _again(caller, old)
        if idempotency_key is not None:
            named = idempotency.remember(session, caller, idempotency_key, {"rerun_of": old.id.hex}, job.id)
            if named != job.id:
                return _named_before(session, named), False
        _take(session, job, _attachments_again(session, old, job))
    return job, True


def _model_named(name: str) -> Model:
    model = MODELS.get(name)
    if model is None:
        raise NotFound(f"There is no model {name[:200]}; there are {', '.join(MODELS)}.", field="model")
    return model


def _check_extras(wish: Wish) -> None:
    if abs(wish.priority) > PRIORITY_MAX:
        raise WrongInput(f"priority must be from -{PRIORITY_MAX} to {PRIORITY_MAX}.", field="priority")
    if len(wish.tags) > TAGS_MAX or any(not 0 < len(tag) <= TAG_MAX_LETTERS or "\x00" in tag for tag in wish.tags):
        raise WrongInput(f"tags must be at most {TAGS_MAX} labels of 1 to {TAG_MAX_LETTERS} letters.", field="tags")
    for name in ("wait_seconds", "run_seconds", "total_seconds"):
        span, longest = getattr(wish, name), getattr(settings.load(), name)
        if span is not None and not 0 < span <= longest:
            raise WrongInput(f"{name} must be from 1 to {longest}.", field=name)


def _detach_inline_media(
    caller: Caller, job_id: uuid.UUID, model: Model, cleaned: dict[str, object]
) -> list[Attachment]:
    """Take media that came inside the request out of the form: a row is read often, so no megabytes in it."""
    attachments = []
    for name in model.media:
        value = cleaned.get(name)
        if isinstance(value, str) and inputs.is_inline(value):
            attachments.append(Attachment(job_id=job_id, field=name, account_id=caller.account_id, content=value))
            cleaned[name] = inputs.ATTACHMENT + name
    return attachments


def _write_out(caller: Caller, wish: Wish, job_id: uuid.UUID, cleaned: dict[str, object], route: routing.Route) -> Job:
    chosen, asked_seed = settings.load(), cleaned["seed"]
    return Job(
        id=job_id,
        account_id=caller.account_id,
        key_id=caller.key_id,
        model=wish.model,
        inputs=cleaned,
        seed=ids.new_seed() if asked_seed == -1 else asked_seed,
        tags=list(wish.tags),
        metadata_=dict(wish.metadata),
        webhook_url=wish.webhook_url,
        wants_base64=wish.wants_base64,
        engine_wanted=wish.engine,
        engine=route.engine,
        engine_reason=route.reason,
        priority=wish.priority,
        # By Postgres' clock, which will judge them too.
        wait_until=func.now() + timedelta(seconds=wish.wait_seconds or chosen.wait_seconds),
        run_seconds=wish.run_seconds or chosen.run_seconds,
        finish_until=func.now() + timedelta(seconds=wish.total_seconds or chosen.total_seconds),
    )


def _take(session: Session, job: Job, attachments: list[Attachment]) -> None:
    journal.begin(session, job)
    session.flush()
    session.refresh(job)  # its instants are Postgres' own: whoever is given the job reads them after the session
    session.add_all(attachments)
    after_commit(session, lambda: doorbell.ring(job.engine))


def _named_before(session: Session, job_id: uuid.UUID) -> Job:
    found = session.get(Job, job_id)
    if found is None or found.deleted_at is not None:
        raise NotFound("The job this Idempotency-Key names has been deleted.")
    return found


def _again(caller: Caller, old: Job) -> Job:
    """The same order from the start: the same form, seed and labels, but today's engines and deadlines of its own."""
    route = routing.choose(old.engine_wanted, settings.load().engines)
    kept = ("model", "inputs", "seed", "options", "tags", "metadata_", "webhook_url", "wants_base64", "priority")
    return Job(
        id=ids.new_id(),
        account_id=caller.account_id,
        key_id=caller.key_id,
        rerun_of=old.id,
        engine_wanted=old.engine_wanted,
        engine=route.engine,
        engine_reason=route.reason,
        media=None if old.objects_removed_at or not _has_inline(old) else old.media,
        wait_until=func.now() + (old.wait_until - old.created_at),
        run_seconds=min(old.run_seconds, settings.load().run_seconds),
        finish_until=func.now() + (old.finish_until - old.created_at),
        **{name: getattr(old, name) for name in kept},
    )


def _attachments_again(session: Session, old: Job, job: Job) -> list[Attachment]:
    """Media that came inside the old request, if intake had not made them regular files."""
    rows = session.scalars(select(Attachment).where(Attachment.job_id == old.id)).all()
    if _has_inline(old) and not rows and job.media is None:
        raise Conflict("The media sent inside the first request have been removed; submit it anew with them.")
    return [Attachment(job_id=job.id, field=row.field, account_id=row.account_id, content=row.content) for row in rows]


def _has_inline(job: Job) -> bool:
    return any(str(value).startswith(inputs.ATTACHMENT) for value in job.inputs.values())
