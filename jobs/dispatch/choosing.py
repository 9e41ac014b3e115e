"""Puts together what is asked and allowed, how the engines stand and what is set, and lets the rules choose."""

from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import settings
from jobs.dispatch import facts
from jobs.rules import durations, routing
from jobs.rules.appraisal import Asked, Option, Policy, appraise
from jobs.rules.limits import Terms
from jobs.rules.routing import Route
from jobs.tables import Account, Job


def choose(
    terms: Terms,
    wish: str,
    price_usd: Decimal,
    video_seconds: float | None = None,
    *,
    session: Session | None = None,
) -> Route:
    """Who renders a job that is ordered now, at this catalog price; it counts as waiting there from now on.

    Whoever is in a transaction says so. Raises WrongInput for a wish that is unknown or not configured here,
    NotAllowed for what the account may not use, and Unavailable.
    """
    known = facts.current(session)
    route = routing.choose(Asked(wish, terms.engines, video_seconds, price_usd), known.configured(), policy())
    known.note(route.engine, price_usd)
    return route


def explain(terms: Terms, wish: str, price_usd: Decimal, video_seconds: float | None = None) -> Route:
    """As `choose`, when nothing is ordered, with every engine that was considered."""
    asked = Asked(wish, terms.engines, video_seconds, price_usd)
    return routing.explain(asked, facts.current().configured(), policy())


def elsewhere(session: Session, job: Job, why: str = "") -> Route | None:
    """Where a job that is with one engine goes on instead; None is to stay. `why` says why it cannot go on there."""
    known = facts.current(session)
    route = routing.elsewhere(_asked(session, job), job.engine, known.configured(), policy(), why=why)
    if route is not None:
        known.note(route.engine, job.price_usd)
    return route


def look(session: Session, engine: str) -> Option:
    """The engine as it looks to anybody."""
    return appraise(engine, Asked(), facts.current(session).configured(), policy())


def policy() -> Policy:
    """What the operator set."""
    chosen = settings.load()
    return Policy(chosen.route_wait_seconds, chosen.cloud_overflow, chosen.gpu_usd_per_hour)


def _asked(session: Session, job: Job) -> Asked:
    with session.no_autoflush:
        allowed = session.execute(select(Account.engines).where(Account.id == job.account_id)).scalar_one()
    tracks = {name: medium["seconds"] for name, medium in (job.media or {}).items() if medium.get("kind") == "audio"}
    seconds = durations.output_seconds(job.inputs.get("order", "meanwhile"), tracks) if tracks else None
    return Asked(job.engine_wanted, None if allowed is None else frozenset(allowed), seconds, job.price_usd)
