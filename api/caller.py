"""Finds out who is calling, from the bearer key of the request."""

from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from jobs import accounts
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import NotAuthenticated

_BEARER = HTTPBearer(
    scheme_name="key", description="An API key, made by `duologue keys create NAME`.", auto_error=False
)


async def of_request(request: Request) -> Caller:
    """Who sent `request`, where there is no route to ask. Raises NotAuthenticated."""
    return await run_in_threadpool(_identify, key_of(request))


def key_of(request: Request) -> str:
    """The key as it was sent, good or not. Raises NotAuthenticated when there is none."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise NotAuthenticated("Send your API key in the header `Authorization: Bearer KEY`.")
    return key.strip()


async def _key(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> str:
    return key_of(request)


def _identify(key: Annotated[str, Depends(_key)]) -> Caller:
    with transaction() as session:
        return accounts.identify(session, key)


UncheckedKey = Annotated[str, Depends(_key)]
"""The key as it was sent, for a route whose own query finds out whether it is any good."""


KnownCaller = Annotated[Caller, Depends(_identify)]
"""A route with this parameter answers 401 to everybody else, before it reads the body."""
