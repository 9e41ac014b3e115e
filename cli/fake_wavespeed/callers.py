"""Finds out which of the fake's keys is calling."""

from starlette.requests import Request

from cli.fake_wavespeed.accounts import Account
from cli.fake_wavespeed.envelope import Refusal
from cli.fake_wavespeed.world import World


def world_of(request: Request) -> World:
    world: World = request.app.state.world
    return world


def account_of(request: Request) -> Account:
    """Whose key the request carries. Raises Refusal, 401."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    account = world_of(request).accounts.get(key.strip())
    if scheme.lower() != "bearer" or account is None:
        raise Refusal(401, "The API key is missing or unknown.", "unauthorized")
    return account
