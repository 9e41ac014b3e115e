"""Promises of `duologue webhooks`: what happens is heard without a public address, and endpoints are looked after."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from cli import hearing
from cli.main import app
from jobs import database as ours
from jobs import ids, lifecycle, webhooks
from jobs.rules import signatures
from tests import factories
from tests.api.open_door import served, wait_for
from tests.conftest import Member, set_settings
from tests.fakes.receiver import Mood, Receiver
from tests.workers.couriers import delivering

Desk = Callable[..., Result]


@pytest.fixture
def desk(database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    set_settings(monkeypatch, {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"})
    ours.engine()
    with served(create_app()) as url:
        monkeypatch.setenv("DUOLOGUE_API_URL", url)
        monkeypatch.setenv("DUOLOGUE_API_KEY", member.key)
        yield lambda *words: CliRunner().invoke(app, ("webhooks", *words))


def test_what_happens_is_heard_verified_and_passed_on(desk: Desk, member: Member) -> None:
    job = factories.submit(member.caller)

    def finish_once_somebody_listens() -> None:
        wait_for(lambda: bool(webhooks.endpoints(member.caller)), "somebody listens")
        claim = factories.claim()
        lifecycle.finish(claim, factories.output(claim))

    later = threading.Thread(target=finish_once_somebody_listens)
    later.start()
    with Receiver() as local:
        said = desk("listen", "--count", "1", "--forward-to", local.url("/local"))
    later.join()
    assert said.exit_code == 0, said.stderr
    [told] = local.at("/local")
    assert (told.told["type"], told.told["data"]["id"]) == ("job.completed", job.id.hex)
    assert told.headers["webhook-signature"].startswith("v1,")
    assert f"job.completed    {job.id.hex}  -> 200" in said.stderr
    assert webhooks.endpoints(member.caller) == [], "it leaves nothing behind"


def test_endpoints_are_made_listed_tested_and_deleted(desk: Desk, member: Member) -> None:
    made = desk("create", "https://hooks.example.com/", "--event", "job.failed").stdout.strip()
    assert f"{made}  active  https://hooks.example.com/  job.failed" in desk("list").stdout
    [endpoint] = webhooks.endpoints(member.caller)
    assert endpoint.id.hex == made
    delivery = webhooks.test(member.caller, endpoint.id)
    assert delivery.id.hex in desk("log", made).stdout
    assert "is sent again" in desk("resend", delivery.id.hex).stderr
    assert "is deleted" in desk("delete", made).stderr
    assert "no endpoints yet" in desk("list").stderr


def test_a_test_says_how_it_went(desk: Desk) -> None:
    with Receiver() as receiver, delivering():
        made = desk("create", receiver.url()).stdout.strip()
        assert "The test is delivered." in desk("test", made).stderr
        receiver.moods["/hook"] = Mood(status=500)
        failed = desk("test", made)
    assert failed.exit_code == 1
    assert "given up: it answered 500" in failed.stderr


def test_a_message_is_genuine_only_with_the_right_secret_bytes_and_time() -> None:
    secret, now = ids.new_webhook_secret(), time.time()
    headers = {"webhook-id": "a", "webhook-timestamp": str(int(now))}
    headers["webhook-signature"] = signatures.standard([ids.new_webhook_secret(), secret], "a", int(now), b"{}")
    assert hearing.is_genuine(headers, b"{}", secret, now)
    assert not hearing.is_genuine(headers, b"{ }", secret, now)
    assert not hearing.is_genuine(headers, b"{}", ids.new_webhook_secret(), now)
    assert not hearing.is_genuine(headers, b"{}", secret, now + 301)
    assert not hearing.is_genuine(headers | {"webhook-timestamp": "soon"}, b"{}", secret, now)
