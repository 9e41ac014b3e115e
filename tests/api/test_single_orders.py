"""What orders that are taken one by one may hold of a door."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from tests import factories
from tests.conftest import Member, set_settings
from tests.paying import kept

JOB = {"model": factories.MULTI, "inputs": factories.form()}


def test_orders_that_wait_for_one_account_leave_connections_to_everybody_else(
    database: dict[str, str], member: Member, stranger: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, database | {"DUOLOGUE_DATABASE_POOL_SIZE": "4"})
    factories.submit(member.caller)  # makes the tally
    with TestClient(create_app()) as client, kept(member.caller), ThreadPoolExecutor(4) as callers:
        orders = [callers.submit(client.post, "/v1/jobs", json=JOB, headers=member.headers) for _ in range(4)]
        time.sleep(0.5)
        answer = client.get("/v1/jobs", headers=stranger.headers)
        assert not any(order.done() for order in orders)
    assert answer.status_code == 200


def test_an_order_of_an_account_that_is_kept_waits_outside_of_its_group(
    client: TestClient, member: Member, stranger: Member
) -> None:
    for each in (member, stranger):
        factories.submit(each.caller)  # makes the tallies

    def order(whose: Member) -> int:
        answer = client.post(f"/api/v3/{factories.MULTI}", json=factories.form(), headers=whose.headers)
        status: int = answer.status_code
        return status

    with ThreadPoolExecutor(2) as callers:
        with kept(member.caller):
            ours = callers.submit(order, member)
            time.sleep(0.5)  # past its group's patience
            assert order(stranger) == 200
            assert not ours.done()
        assert ours.result() == 200
