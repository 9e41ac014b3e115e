"""Promises of `duologue webhooks`: what happens is heard without a public address, and endpoints are looked after."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner, Result

from api.app import create_app
from cli import hearing
from cli.client import Api, NoAnswer
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


def test_a_message_is_genuine_only_with_the_right_secret_and_bytes() -> None:
    secret = ids.new_webhook_secret()
    headers = signed([ids.new_webhook_secret(), secret], b"{}", int(time.time()))
    assert hearing.is_genuine(headers, b"{}", secret)
    assert not hearing.is_genuine(headers, b"{ }", secret)
    assert not hearing.is_genuine(headers, b"{}", ids.new_webhook_secret())
    assert not hearing.is_genuine(headers | {"webhook-timestamp": str(int(time.time()) - 1)}, b"{}", secret)
    assert not hearing.is_genuine(headers | {"webhook-timestamp": "soon"}, b"{}", secret)


def test_what_waited_behind_a_slow_program_is_passed_on_as_if_it_were_signed_now() -> None:
    """A burst is signed at one moment, and the last of it is read when the program has taken all before."""
    secret, body = ids.new_webhook_secret(), '{"type": "job.completed", "timestamp": "t", "data": {}}'
    told = {"headers": signed([secret], body.encode(), int(time.time()) - 3600), "body": body}
    with Receiver() as local:
        hearing.follow(Said(told), {"id": "e", "secret": secret}, local.url("/local"), 1)  # type: ignore[arg-type]
    [passed] = local.at("/local")
    assert abs(time.time() - int(passed.headers["webhook-timestamp"])) < 300
    assert hearing.is_genuine(passed.headers, passed.body, secret)


def test_a_listener_comes_back_with_what_it_heard_last() -> None:
    secret, body = ids.new_webhook_secret(), '{"type": "job.completed", "timestamp": "t", "data": {}}'
    api = Said({"headers": signed([secret], body.encode(), int(time.time())), "body": body})
    hearing.follow(api, {"id": "e", "secret": secret}, None, 2)  # type: ignore[arg-type]
    assert api.asked == [{"Last-Event-ID": "e"}, {"Last-Event-ID": "a"}]


def test_a_listener_comes_back_from_a_connection_that_died_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Silent()
    monkeypatch.setattr(hearing, "time", api)
    with pytest.raises(NoAnswer):
        hearing.follow(api, {"id": "e", "secret": ids.new_webhook_secret()}, None, None)  # type: ignore[arg-type]
    assert api.tries > 30, "it came back until nobody had answered for a minute"


def test_a_listener_without_room_may_come_back() -> None:
    with (
        Receiver(Mood(status=429)) as full,
        Api(full.url(), "key", "the test") as api,
        pytest.raises(NoAnswer),
        api.stream("POST", "/v1/webhooks/e/listen", headers={}),
    ):
        pass


class Silent:
    """An API whose stream says that it listens, and dies a minute later, for good; and the clock meanwhile."""

    def __init__(self) -> None:
        self.tries = 0
        self._now = 0.0

    @contextmanager
    def stream(self, _method: str, _path: str, headers: dict[str, str]) -> Iterator[Iterator[str]]:  # noqa: ARG002 - the API's form
        self.tries += 1
        if self.tries > 1:
            raise NoAnswer("Nothing answers.")
        yield self._lines()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds

    def _lines(self) -> Iterator[str]:
        yield ": listening"
        self._now += 61
        raise NoAnswer("It broke off.")


class Said:
    """An API whose stream tells one thing and ends."""

    def __init__(self, told: dict[str, object]) -> None:
        self._line = f"data: {json.dumps(told)}"
        self.asked: list[dict[str, str]] = []

    @contextmanager
    def stream(self, _method: str, _path: str, headers: dict[str, str]) -> Iterator[Iterator[str]]:
        self.asked.append(headers)
        yield iter([self._line])


def signed(secrets: list[str], body: bytes, at: int) -> dict[str, str]:
    signature = signatures.standard(secrets, "a", at, body)
    return {"webhook-id": "a", "webhook-timestamp": str(at), "webhook-signature": signature}
