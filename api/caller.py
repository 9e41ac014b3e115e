"""Finds out who is calling, from the bearer key of the request, and whether that key may do what is asked."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from jobs import accounts, settings
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import NotAllowed, NotAuthenticated
from jobs.rules.scopes import Scope

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


def _watching(caller: Annotated[Caller, Depends(_identify)]) -> Caller:
    caller.require("read")
    allowed = settings.load().metrics_accounts
    if "*" not in allowed and caller.account not in allowed:
        raise NotAllowed(
            "This account may not read numbers over all accounts; DUOLOGUE_METRICS_ACCOUNTS says which may."
        )
    return caller


UncheckedKey = Annotated[str, Depends(_key)]
"""The key as it was sent, for a route whose own query finds out whether it is any good."""


KnownCaller = Annotated[Caller, Depends(_identify)]
"""Answers 401 to everybody else, before the body is read; a route takes one of those below, which are narrower."""


def _with_right_to(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    async def check(caller: KnownCaller) -> Caller:
        caller.require(scope)
        return caller

    return check


Submitter = Annotated[Caller, Depends(_with_right_to("submit"))]
"""May order, upload, cancel, delete and run again; 403 for a key without that right."""

Reader = Annotated[Caller, Depends(_with_right_to("read"))]
"""May see results, lists, prices, what happened and what it cost; 403 for a key without that right."""

Manager = Annotated[Caller, Depends(_with_right_to("manage"))]
"""May change the account itself, its keys, secrets and webhooks; 403 for a key without that right."""

Watcher = Annotated[Caller, Depends(_watching)]
"""May read numbers over all accounts: a right to read, and an account that `metrics_accounts` names; 403 otherwise."""
