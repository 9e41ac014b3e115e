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
    return await run_in_threadpool(_identify, await _BEARER(request))


def _identify(given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> Caller:
    if given is None or not given.credentials:
        raise NotAuthenticated("Send your API key in the header `Authorization: Bearer KEY`.")
    with transaction() as session:
        return accounts.identify(session, given.credentials)


KnownCaller = Annotated[Caller, Depends(_identify)]
"""A route with this parameter answers 401 to everybody else, before it reads the body."""
