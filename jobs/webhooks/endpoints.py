"""The receivers an account has registered: made, changed, paused, switched on again and removed by their owner."""

import uuid
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select, tuple_, update
from sqlalchemy.orm import Session

from jobs import ids, settings
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, NotFound, WrongInput
from jobs.rules import addresses
from jobs.rules.deliveries import KINDS, Status
from jobs.tables import Delivery, Endpoint, Receiver

ENDPOINTS_MAX = 50
DESCRIPTION_MAX_LETTERS = 200
OVERLAP_MAX_SECONDS = 7 * 86400
_PAGE = 1000


def register(
    caller: Caller,
    *,
    url: str | None,
    kinds: Collection[str],
    description: str = "",
    concurrency: int | None = None,
) -> Endpoint:
    """Make an endpoint with a secret of its own; without a URL it is pulled over its event stream.

    Raises WrongInput naming the field, and Conflict when the account has too many.
    """
    made = Endpoint(
        id=ids.new_id(),
        account_id=caller.account_id,
        url=checked_url(url),
        kinds=checked_kinds(kinds),
        description=description,
        concurrency=concurrency,
        secret=ids.new_webhook_secret(),
    )
    with transaction() as session:
        there = session.execute(select(func.count()).select_from(_own(caller).subquery())).scalar_one()
        if there >= ENDPOINTS_MAX:
            raise Conflict(
                f"The account has {there} endpoints already, and may have {ENDPOINTS_MAX}; delete one first."
            )
        session.add(made)
        session.flush()
        session.refresh(made)
    return made


def endpoints(caller: Caller) -> list[Endpoint]:
    """All that the caller has, oldest first."""
    with transaction() as session:
        return list(session.scalars(_own(caller).order_by(Endpoint.id)))


def endpoint(caller: Caller, endpoint_id: uuid.UUID | None) -> Endpoint:
    """Raises NotFound for everything but the caller's own."""
    with transaction() as session:
        return own(session, caller, endpoint_id)


def change(caller: Caller, endpoint_id: uuid.UUID | None, changes: Mapping[str, Any]) -> Endpoint:
    """Set what is named of `url`, `kinds`, `description` and `concurrency`; what is owed goes to the new URL.

    Raises NotFound, and WrongInput naming the field.
    """
    clean = dict(changes)
    if "url" in clean:
        clean["url"] = checked_url(clean["url"])
    if "kinds" in clean:
        clean["kinds"] = checked_kinds(clean["kinds"])
    with transaction() as session:
        found = own(session, caller, endpoint_id, locked=True)
        if ("url" in clean) and ((clean["url"] is None) != (found.url is None)):
            raise WrongInput("url: an endpoint with a URL cannot become one that is pulled, nor back.", field="url")
        for name, value in clean.items():
            setattr(found, name, value)
        if "url" in clean:
            _forgive(session, found)
    return found


def pause(caller: Caller, endpoint_id: uuid.UUID | None) -> Endpoint:
    """Hold back what is owed, until `resume`; twice changes nothing. Raises NotFound."""
    with transaction() as session:
        found = own(session, caller, endpoint_id, locked=True)
        found.paused_at = found.paused_at or _now(session)
    return found


def resume(caller: Caller, endpoint_id: uuid.UUID | None) -> Endpoint:
    """Let an endpoint that was paused or switched off have its deliveries again, from now on. Raises NotFound.

    What waited meanwhile counts as owed since now: its receiver has not failed.
    """
    with transaction() as session:
        found = own(session, caller, endpoint_id)
    _owe_since_now(found.id)  # while it is still paused, so that nothing is given up in between
    with transaction() as session:
        found = own(session, caller, endpoint_id, locked=True)
        found.paused_at, found.disabled_at, found.disabled_reason = None, None, ""
        _forgive(session, found)
    return found


def remove(caller: Caller, endpoint_id: uuid.UUID | None) -> None:
    """Delete an endpoint: nobody sees it any more, and what is owed to it is given up. Raises NotFound."""
    with transaction() as session:
        own(session, caller, endpoint_id, locked=True).deleted_at = _now(session)


def rotate(caller: Caller, endpoint_id: uuid.UUID | None, overlap_seconds: int) -> Endpoint:
    """Give an endpoint a new secret; the one before signs too for `overlap_seconds`, none for 0.

    Raises NotFound, and Conflict while an earlier rotation still overlaps: sent twice by accident, a rotation would
    end the secret that the receiver knows.
    """
    with transaction() as session:
        found, now = own(session, caller, endpoint_id, locked=True), _now(session)
        if overlap_seconds and found.former_until and found.former_until > now:
            raise Conflict(
                f"The last rotation overlaps until {found.former_until:%Y-%m-%d %H:%M:%S} UTC; wait for it, "
                "or end it now with overlap_seconds 0."
            )
        found.former_secret = found.secret if overlap_seconds else None
        found.former_until = now + timedelta(seconds=overlap_seconds) if overlap_seconds else None
        found.secret = ids.new_webhook_secret()
    return found


def own(
    session: Session, caller: Caller, endpoint_id: uuid.UUID | None, *, locked: bool = False, key_share: bool = False
) -> Endpoint:
    """The caller's endpoint of that id; locked with `key_share`, more may be owed to it meanwhile. Raises NotFound."""
    query = _own(caller).where(Endpoint.id == endpoint_id)
    found = session.scalars(query.with_for_update(key_share=key_share) if locked else query).one_or_none()
    if found is None:
        raise NotFound("There is no such webhook endpoint.")
    return found


def checked_url(url: str | None, field: str = "url") -> str | None:
    """The URL if something may be posted there, as far as can be told before connecting. Raises WrongInput.

    Whoever hands one in, as an endpoint or with an order, gets the same answer, about their own `field`.
    """
    if url is None:
        return None
    chosen = settings.load()
    if reason := addresses.why_not_webhook(url, chosen.webhook_networks, http_anywhere=chosen.webhook_http):
        raise WrongInput(f"{field}: {reason}.", field=field)
    return url


def checked_kinds(kinds: Collection[str]) -> list[str]:
    """The same without repetitions. Raises WrongInput for none, and for one that never happens."""
    unknown = sorted(set(kinds) - KINDS.keys())
    if unknown or not kinds:
        raise WrongInput(f"events: give one or more of {', '.join(KINDS)}.", field="events")
    return [kind for kind in KINDS if kind in kinds]


def _own(caller: Caller) -> Select[Endpoint]:
    return select(Endpoint).where(Endpoint.account_id == caller.account_id, Endpoint.deleted_at.is_(None))


def _owe_since_now(lane: uuid.UUID) -> None:
    """Page by page: a pause of weeks may have held back very much."""
    page = (
        select(Delivery.id, Delivery.due_at)
        .where(Delivery.lane == lane, Delivery.status == Status.OWED)
        .order_by(Delivery.due_at, Delivery.id)
        .limit(_PAGE)
    )
    query = page
    while True:
        with transaction() as session:
            found = session.execute(query).all()
            of_page = (Delivery.id.in_([row.id for row in found]), Delivery.status == Status.OWED)
            session.execute(update(Delivery).where(*of_page).values(owed_since=func.now()))
        if len(found) < _PAGE:
            return
        query = page.where(tuple_(Delivery.due_at, Delivery.id) > (found[-1].due_at, found[-1].id))


def _forgive(session: Session, found: Endpoint) -> None:
    """Forget how it failed: its owner has mended it."""
    session.execute(delete(Receiver).where(Receiver.lane == found.id))


def _now(session: Session) -> Any:  # noqa: ANN401 - a moment, which the driver types as anything
    return session.execute(select(func.now())).scalar_one()
