"""Who is looking at a page, and whether they may change what they ask to change."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import Depends
from starlette.requests import Request

from api.console import cookies, origin
from api.console.fields import Posted
from jobs import operators
from jobs.audit import Actor
from jobs.database import transaction
from jobs.errors import NotAllowed, NotAuthenticated, Unavailable
from jobs.operators import SignedIn

LOOK_AGAIN_SECONDS = 5.0
"""How often it is asked again whether those are signed in whose pages stay open."""


@dataclass(frozen=True)
class Visit:
    """One request to the console; `secret` is known to this browser alone and to no script in it."""

    request: Request
    secret: str
    who: SignedIn | None = None

    @property
    def token(self) -> str:
        """What every form drawn for this visit carries."""
        return origin.token_of(self.secret)

    @property
    def may_change(self) -> bool:
        return self.who is not None and self.who.role == "operator"

    @property
    def known(self) -> SignedIn:
        """Who it is, on a page that only the signed-in see."""
        assert self.who is not None  # noqa: S101 - the dependencies below see to it
        return self.who

    @property
    def actor(self) -> Actor:
        """How the audit log calls whoever changes something with this request."""
        return Actor(self.known.name, self.address)

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else "unknown"


def remembered(request: Request) -> Visit:
    """Whoever was found signed in earlier in this request, else a stranger; asks no database."""
    found = getattr(request.state, "visit", None)
    return found if isinstance(found, Visit) else Visit(request, cookies.read(request, "visit"))


def visit_of(request: Request) -> Visit:
    """Whoever it is; with a fresh secret where the browser brings none."""
    token = cookies.read(request, "session")
    if token:
        with transaction() as session:
            who = operators.seen(session, token)
        if who is not None:
            visit = Visit(request, token, who)
            request.state.visit = visit
            return visit
    return Visit(request, cookies.read(request, "visit") or secrets.token_urlsafe(32))


@asynccontextmanager
async def while_signed_in(visit: Visit, look_again_seconds: float = LOOK_AGAIN_SECONDS) -> AsyncIterator[None]:
    """Leave the block early, and quietly, soon after whoever it is has been signed out."""

    async def look_again_and_again() -> None:
        is_in = True
        while is_in:
            await anyio.sleep(look_again_seconds)
            with suppress(Unavailable):
                is_in = await anyio.to_thread.run_sync(_is_in, visit, abandon_on_cancel=True)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look_again_and_again)
        yield
        tasks.cancel_scope.cancel()


def _is_in(visit: Visit) -> bool:
    with transaction() as session:
        return operators.is_on(session, visit.secret)


def _signed_in(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    if visit.who is None:
        raise NotAuthenticated("Sign in to see this page.")
    return visit


def _with_our_form(visit: Annotated[Visit, Depends(visit_of)], fields: Posted) -> Visit:
    secret = visit.secret if visit.who else cookies.read(visit.request, "visit")
    origin.check(visit.request, secret, fields.secret("token"))
    return visit


def _for_oneself(visit: Annotated[Visit, Depends(_signed_in)], _: Annotated[Visit, Depends(_with_our_form)]) -> Visit:
    return visit


def _may_change(visit: Annotated[Visit, Depends(_for_oneself)]) -> Visit:
    if not visit.may_change:
        raise NotAllowed("You are a reader here: you see everything, and change nothing.")
    return visit


Anybody = Annotated[Visit, Depends(visit_of)]
"""A page for those who are not signed in."""

AnybodysForm = Annotated[Visit, Depends(_with_our_form)]
"""A form that whoever sees a page of ours may send."""

Reader = Annotated[Visit, Depends(_signed_in)]
"""A page for whoever is signed in; others are sent to sign in, and then back."""

OwnForm = Annotated[Visit, Depends(_for_oneself)]
"""A form with which whoever is signed in changes what is their own."""

Changer = Annotated[Visit, Depends(_may_change)]
"""A form that changes something: from a page of ours, drawn for this session, sent by an operator who is no reader."""
