"""What the outbox needs from time to time: news of progress, an end to what waits in vain, and forgetting."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from sqlalchemy import ColumnElement, delete, func, or_, select, text, update

from jobs import ids, settings
from jobs.database import transaction
from jobs.rules.deliveries import ONCE, OWED_MAX_DAYS, Status
from jobs.tables import Delivery, Endpoint

BATCH = 1000
UNHEARD_HOURS = 1
"""An endpoint without a URL that nobody has listened to for so long goes: who made it is gone."""

# A stage and a fraction that were told once are not told again; a new attempt is another matter.
_MOVED_ON = text("""
    SELECT endpoints.id, jobs.account_id, jobs.id, told.detail
    FROM endpoints
    JOIN jobs ON jobs.account_id = endpoints.account_id AND jobs.status IN ('running', 'forwarded')
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object('attempt', attempt, 'stage', stage, 'progress', progress) AS detail
    ) AS told
    WHERE 'job.progress' = ANY(endpoints.kinds)
        AND coalesce(endpoints.paused_at, endpoints.disabled_at, endpoints.deleted_at) IS NULL
        AND NOT EXISTS (
            SELECT FROM deliveries
            WHERE job_id = jobs.id AND endpoint_id = endpoints.id AND kind = 'job.progress'
                AND (deliveries.status = 'owed' OR deliveries.detail = told.detail)
        )
    LIMIT :most
""")


def tell_progress() -> int:
    """Owe `job.progress` for every running job that has come further, to the endpoints that want it; how many.

    While one is still owed to an endpoint, the same job owes it no second.
    """
    with transaction() as session:
        found = session.execute(_MOVED_ON, {"most": BATCH}).all()
        for endpoint_id, account_id, job_id, detail in found:
            session.add(
                Delivery(
                    id=ids.new_id(),
                    account_id=account_id,
                    lane=endpoint_id,
                    endpoint_id=endpoint_id,
                    job_id=job_id,
                    kind="job.progress",
                    detail=detail,
                )
            )
    return len(found)


def give_up_old() -> int:
    """Give up what is owed to nobody any more or for too long; how many there were."""
    kept = func.now() - timedelta(days=settings.load().keep_deliveries_days)
    in_vain: tuple[tuple[ColumnElement[bool], str], ...] = (
        (Endpoint.deleted_at.is_not(None), "its endpoint was deleted"),
        (Endpoint.disabled_at.is_not(None), "its endpoint was switched off"),
        (Endpoint.paused_at.is_not(None) & (Delivery.owed_since < kept), "its endpoint was paused for too long"),
        (
            or_(Endpoint.id.is_(None), Endpoint.paused_at.is_(None))
            & (Delivery.owed_since < func.now() - timedelta(days=OWED_MAX_DAYS)),
            f"owed for {OWED_MAX_DAYS} days, while its receiver failed",
        ),
    )
    return sum(_to_the_end(partial(_give_up, condition, reason)) for condition, reason in in_vain)


def forget() -> int:
    """Forget what was settled long enough ago, its tries with it; how many there were.

    What is tried a single time is of the moment, and much of it: a day is enough.
    """
    kept = func.now() - timedelta(days=settings.load().keep_deliveries_days)
    a_day_ago = func.now() - timedelta(days=1)
    # An hour of them is looked at, not all that is kept; what a timetable missed that was away for longer stays longer.
    of_a_moment = Delivery.settled_at.between(a_day_ago - _LOOKED_AT, a_day_ago) & Delivery.kind.in_(ONCE)
    return _to_the_end(partial(_forget, Delivery.settled_at < kept)) + _to_the_end(partial(_forget, of_a_moment))


def drop_unheard() -> int:
    """Delete the endpoints without a URL that nobody listens to any more; how many there were."""
    heard_at = func.coalesce(Endpoint.pulled_at, Endpoint.created_at)
    silent = (Endpoint.url.is_(None), Endpoint.deleted_at.is_(None), heard_at < func.now() - _UNHEARD)
    with transaction() as session:
        gone = update(Endpoint).where(*silent).values(deleted_at=func.now()).returning(Endpoint.id)
        return len(session.execute(gone).all())


_UNHEARD = timedelta(hours=UNHEARD_HOURS)
_LOOKED_AT = timedelta(hours=1)


def _to_the_end(batch: Callable[[], int]) -> int:
    done = 0
    while found := batch():
        done += found
    return done


def _forget(condition: ColumnElement[bool]) -> int:
    with transaction() as session:
        over = select(Delivery.id).where(condition).limit(BATCH)
        return len(session.execute(delete(Delivery).where(Delivery.id.in_(over)).returning(Delivery.id)).all())


def _give_up(condition: ColumnElement[bool], reason: str) -> int:
    with transaction() as session:
        found = (
            select(Delivery.id)
            .outerjoin(Endpoint, Delivery.endpoint_id == Endpoint.id)
            .where(Delivery.status == Status.OWED, condition)
            .limit(BATCH)
            .with_for_update(of=Delivery, skip_locked=True)
        )
        over = update(Delivery).where(Delivery.id.in_(found)).returning(Delivery.id)
        given_up = over.values(
            status=Status.GIVEN_UP, settled_at=func.now(), taken_until=None, turn=Delivery.turn + 1, reason=reason
        )
        return len(session.execute(given_up.execution_options(synchronize_session=False)).all())
